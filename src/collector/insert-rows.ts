import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

/** Adds rows in the order of the table's columns, without a statement for each: that would take milliseconds a row. */
export async function insertRows(
  connection: DuckDBConnection,
  table: 'event_columns' | 'dataset_columns' | 'attribute_set_columns',
  rows: readonly (readonly DuckDBValue[])[],
): Promise<void> {
  if (rows.length === 0) return;
  const appender = await connection.createAppender(table);
  try {
    for (const row of rows) {
      for (const value of row) appender.appendValue(value);
      appender.endRow();
    }
  } finally {
    appender.closeSync();
  }
}
