import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

const ROWS_PER_STATEMENT = 200;

/** Inserts rows with few statements: one a row would take milliseconds each. */
export async function insertRows(
  connection: DuckDBConnection,
  table: 'event_columns' | 'dataset_columns' | 'attribute_set_columns',
  rows: readonly (readonly DuckDBValue[])[],
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const part = rows.slice(start, start + ROWS_PER_STATEMENT);
    let bound = 0;
    const tuples = part.map((row) => `(${row.map(() => `$${++bound}`).join(', ')})`);
    await connection.run(`INSERT INTO ${table} VALUES ${tuples.join(', ')}`, part.flat());
  }
}
