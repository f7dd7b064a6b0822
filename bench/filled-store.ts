import type { DuckDBConnection } from '@duckdb/node-api';
import { type ColumnType, quoteIdentifier, SQL_TYPE } from '../src/collector/schema.ts';

/**
 * For event tables that are filled from outside, without OTLP: what the collector notes of a column beside its values.
 * Adds one that the table does not begin with.
 */
export async function addColumn(connection: DuckDBConnection, key: string, type: ColumnType): Promise<void> {
  await connection.run(`ALTER TABLE events ADD COLUMN ${quoteIdentifier(key)} ${SQL_TYPE[type]}`);
  await connection.run('INSERT INTO event_columns VALUES ($1, $1, $2)', [key, type]);
}

/** Notes which datasets have these columns: all, or with `filled` those that hold a value there. */
export async function noteColumns(
  connection: DuckDBConnection,
  keys: readonly string[],
  { filled = false } = {},
): Promise<void> {
  for (const key of keys) {
    await connection.run(
      `INSERT INTO dataset_columns SELECT DISTINCT dataset, $1, CAST(0 AS BIGINT) FROM events
        ${filled ? `WHERE ${quoteIdentifier(key)} IS NOT NULL` : ''}`,
      [key],
    );
  }
}
