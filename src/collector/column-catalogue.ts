import type { DuckDBConnection } from '@duckdb/node-api';
import { insertRows } from './insert-rows.ts';
import {
  type ColumnType,
  DERIVED_COLUMNS,
  HOT_COLUMNS,
  INTERNAL_COLUMNS,
  quoteIdentifier,
  SQL_TYPE,
} from './schema.ts';

/** One column of telemetry: the name it has in queries, and the column of the table that holds it. */
export interface StoredColumn {
  readonly key: string;
  /** Differs from `key` where two keys differ by case alone: DuckDB's column names don't. */
  readonly columnName: string;
  readonly type: ColumnType;
}

export interface DatasetColumn {
  /** Epoch milliseconds. */
  readonly created: number;
  lastWritten: number;
}

/** What the flush must do to the table before a batch fits in. */
export interface SchemaChange {
  readonly added: readonly StoredColumn[];
  readonly widened: readonly StoredColumn[];
}

/** Which columns there are, of which type, and which dataset has which. In memory; the store writes it through. */
export class ColumnCatalogue {
  readonly #columns = new Map<string, StoredColumn>();
  readonly #takenNames = new Set<string>();
  readonly #datasets = new Map<string, Map<string, DatasetColumn>>();
  readonly #maxColumns: number;
  #tableColumns: string[] = [];

  constructor(maxColumns: number) {
    this.#maxColumns = maxColumns;
    for (const name of Object.keys({ ...INTERNAL_COLUMNS, ...DERIVED_COLUMNS })) this.#takenNames.add(name);
    for (const [key, type] of HOT_COLUMNS) this.#put({ key, columnName: key, type });
  }

  async load(connection: DuckDBConnection): Promise<void> {
    const table = await connection.runAndReadAll(
      `SELECT column_name FROM duckdb_columns() WHERE table_name = 'events' AND schema_name = 'main' ORDER BY column_index`,
    );
    this.#tableColumns = table.getRowsJS().map(([name]) => String(name));
    const columns = await connection.runAndReadAll('SELECT key_name, column_name, type FROM event_columns');
    for (const [key, columnName, type] of columns.getRowsJS()) {
      this.#put({ key: String(key), columnName: String(columnName), type: type as ColumnType });
    }
    const known = await connection.runAndReadAll(
      `SELECT d.dataset, d.key_name, d.created, e.last_written FROM dataset_columns d
       LEFT JOIN (SELECT dataset, max(time) // 1000000 AS last_written FROM events GROUP BY dataset) e USING (dataset)`,
    );
    for (const [dataset, key, created, lastWritten] of known.getRowsJS()) {
      this.#datasetColumns(String(dataset)).set(String(key), {
        created: Number(created),
        lastWritten: Number(lastWritten ?? created),
      });
    }
  }

  get(key: string): StoredColumn | undefined {
    return this.#columns.get(key);
  }

  /** Names of all columns of the events table, in its order. */
  get tableColumns(): readonly string[] {
    return this.#tableColumns;
  }

  /** Hot columns first, then as they were added. */
  all(): Iterable<StoredColumn> {
    return this.#columns.values();
  }

  get datasets(): ReadonlyMap<string, ReadonlyMap<string, DatasetColumn>> {
    return this.#datasets;
  }

  hasRoom(planned: number): boolean {
    return this.#columns.size + planned < this.#maxColumns;
  }

  get maxColumns(): number {
    return this.#maxColumns;
  }

  /** A table column for a new key; free of case-insensitive collisions. */
  nameFor(key: string, planned: ReadonlySet<string>): string {
    const base = key.replaceAll('\0', '');
    for (let n = 1; ; n++) {
      const name = n === 1 ? base : `${base}~${n}`;
      const folded = name.toLowerCase();
      if (name !== '' && !this.#takenNames.has(folded) && !planned.has(folded)) return name;
    }
  }

  /**
   * Writes the change to the database, then keeps it in memory. One transaction.
   * @param inSets columns that the attribute sets have too: they are widened there alike
   */
  async apply(
    connection: DuckDBConnection,
    change: SchemaChange,
    inSets: ReadonlySet<string>,
  ): Promise<void> {
    if (change.added.length === 0 && change.widened.length === 0) return;
    await connection.run('BEGIN');
    try {
      await addColumns(connection, change.added);
      await insertRows(
        connection,
        'event_columns',
        change.added.map((column) => [column.key, column.columnName, column.type]),
      );
      for (const column of change.widened) {
        const before = this.#columns.get(column.key);
        const from = before?.type ?? column.type;
        await connection.run(widenSql('events', column, from));
        if (inSets.has(column.key)) await connection.run(widenSql('attribute_sets', column, from));
        await connection.run('UPDATE event_columns SET type = $1 WHERE key_name = $2', [
          column.type,
          column.key,
        ]);
      }
      await connection.run('COMMIT');
    } catch (error) {
      await connection.run('ROLLBACK');
      throw error;
    }
    for (const column of [...change.added, ...change.widened]) this.#put(column);
    this.#tableColumns.push(...change.added.map((column) => column.columnName));
  }

  /** Notes that a dataset has these columns; returns the pairs that are new. */
  touch(dataset: string, keys: Iterable<string>, now: number): readonly string[] {
    const columns = this.#datasetColumns(dataset);
    const fresh: string[] = [];
    for (const key of keys) {
      const seen = columns.get(key);
      if (seen) seen.lastWritten = now;
      else {
        columns.set(key, { created: now, lastWritten: now });
        fresh.push(key);
      }
    }
    return fresh;
  }

  #put(column: StoredColumn): void {
    this.#columns.set(column.key, column);
    this.#takenNames.add(column.columnName.toLowerCase());
  }

  #datasetColumns(dataset: string): Map<string, DatasetColumn> {
    let columns = this.#datasets.get(dataset);
    if (!columns) {
      columns = new Map();
      this.#datasets.set(dataset, columns);
    }
    return columns;
  }
}

/** From so many new columns on, one copy of a small table is faster than DuckDB's one column a statement. */
const COPY_FROM_COLUMNS = 32;
const COPY_UP_TO_ROWS = 100_000;

async function addColumns(connection: DuckDBConnection, added: readonly StoredColumn[]): Promise<void> {
  if (added.length >= COPY_FROM_COLUMNS) {
    const count = await connection.runAndReadAll('SELECT count(*) FROM events');
    if (Number(count.getRowsJS()[0]?.[0]) <= COPY_UP_TO_ROWS) {
      const columns = added.map(
        (column) => `CAST(NULL AS ${SQL_TYPE[column.type]}) AS ${quoteIdentifier(column.columnName)}`,
      );
      await connection.run(`CREATE TABLE events_wider AS SELECT *, ${columns.join(', ')} FROM events`);
      await connection.run('DROP TABLE events');
      await connection.run('ALTER TABLE events_wider RENAME TO events');
      return;
    }
  }
  for (const column of added) {
    await connection.run(
      `ALTER TABLE events ADD COLUMN ${quoteIdentifier(column.columnName)} ${SQL_TYPE[column.type]}`,
    );
  }
}

/** Whole floats become text without ".0", as the same number arriving as text or integer would read. */
function widenSql(table: 'events' | 'attribute_sets', column: StoredColumn, from: ColumnType): string {
  const name = quoteIdentifier(column.columnName);
  const text =
    from === 'float'
      ? `CASE WHEN ${name} = trunc(${name}) AND abs(${name}) < 1e15 THEN CAST(CAST(${name} AS BIGINT) AS VARCHAR) ELSE CAST(${name} AS VARCHAR) END`
      : `CAST(${name} AS ${SQL_TYPE[column.type]})`;
  return `ALTER TABLE ${table} ALTER COLUMN ${name} SET DATA TYPE ${SQL_TYPE[column.type]} USING ${text}`;
}
