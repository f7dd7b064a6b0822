import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnCatalogue, StoredColumn } from './column-catalogue.ts';
import { insertRows } from './insert-rows.ts';
import { HOT_COLUMNS, NO_SET, quoteIdentifier, SQL_TYPE } from './schema.ts';

/** Columns that name one trace, span or failure: nearly as many values as events. */
const IDENTITIES = new Set(['trace.trace_id', 'trace.span_id', 'trace.parent_id', 'status_message']);
/** A column with more values than this tells events apart rather than grouping them. */
const MAX_VALUES = 2_000;
/** Attributes beyond these stay with the events: a store with thousands of columns would hardly settle. */
const MAX_MEMBERS = 100;
/** With more combinations than this the sets themselves would be slow to read. */
const MAX_SETS = 20_000;

/** `former`: took part once; older sets have its values, newer ones don't. */
type Part = 'member' | 'former' | 'never';

/** Some of the events: rowids [from, to). They are stable as long as nothing else writes. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** @param alias of the events table */
export function sliceSql({ from, to }: Slice, alias = 'events'): string {
  return `${alias}.rowid >= ${from} AND ${alias}.rowid < ${to}`;
}

/**
 * The distinct combinations of attribute values, one row each in `attribute_sets`; an event refers to its own by a
 * small integer. Millions of spans have a few thousand: what a query computes from such attributes it computes once
 * a set, and groups the events by integers. A column with too many values is left out for good, and queries that
 * need it read it from the events.
 */
export class AttributeSets {
  readonly #catalogue: ColumnCatalogue;
  #parts = new Map<string, Part>();

  constructor(catalogue: ColumnCatalogue) {
    this.#catalogue = catalogue;
  }

  /** Reads which columns take part, also after a transaction that was rolled back. */
  async load(connection: DuckDBConnection): Promise<void> {
    const rows = await connection.runAndReadAll('SELECT key_name, part FROM attribute_set_columns');
    this.#parts = new Map(rows.getRowsJS().map(([key, part]) => [String(key), part as Part]));
  }

  has(key: string): boolean {
    return this.#parts.get(key) === 'member';
  }

  /** Keys of the columns that `attribute_sets` has, whether they still take part or not. */
  get keys(): ReadonlySet<string> {
    return new Set([...this.#parts].flatMap(([key, part]) => (part === 'never' ? [] : [key])));
  }

  /** Takes in columns that came since: older sets rightly have no value there, as older events have none. */
  async admit(connection: DuckDBConnection): Promise<void> {
    let room = MAX_MEMBERS - this.keys.size;
    const decided = [...this.#catalogue.all()]
      .filter((column) => !this.#parts.has(column.key))
      .map((column) => [column, mayTakePart(column) && room-- > 0 ? 'member' : 'never'] as const);
    for (const [column, part] of decided) {
      if (part === 'never') continue;
      await connection.run(
        `ALTER TABLE attribute_sets ADD COLUMN ${quoteIdentifier(column.columnName)} ${SQL_TYPE[column.type]}`,
      );
    }
    await insertRows(
      connection,
      'attribute_set_columns',
      decided.map(([column, part]) => [column.key, part]),
    );
    for (const [column, part] of decided) this.#parts.set(column.key, part);
  }

  /** Adds the combinations that the slice is the first to have; columns that would make too many are left out. */
  async extend(connection: DuckDBConnection, slice: Slice): Promise<void> {
    const values = await this.#countValues(connection, slice);
    for (const [key, count] of values) if (count > MAX_VALUES) await this.#leaveOut(connection, key);
    for (;;) {
      const list = this.#columns('member').join(', ');
      await connection.run(`CREATE OR REPLACE TEMP TABLE fresh_sets AS
        SELECT DISTINCT ${list} FROM events e WHERE ${sliceSql(slice, 'e')} AND plumbline_set IS NULL
          AND NOT EXISTS (SELECT 1 FROM attribute_sets s WHERE ${this.matchSql()})`);
      const former = this.#columns('former').map((name) => `${name} IS NULL`);
      const counted = await connection.runAndReadAll(`SELECT (SELECT count(*) FROM fresh_sets) +
        (SELECT count(*) FROM attribute_sets WHERE ${['true', ...former].join(' AND ')})`);
      const most = [...values]
        .filter(([key]) => this.has(key))
        .toSorted(([a, n], [b, m]) => Number(HOT_COLUMNS.has(a)) - Number(HOT_COLUMNS.has(b)) || m - n)[0];
      if (Number(counted.getRowsJS()[0]?.[0]) > MAX_SETS && most !== undefined) {
        await this.#leaveOut(connection, most[0]);
        continue;
      }
      await connection.run(`INSERT INTO attribute_sets (plumbline_set, ${list})
        SELECT (SELECT max(plumbline_set) FROM attribute_sets) + row_number() OVER (), ${list} FROM fresh_sets`);
      await connection.run('DROP TABLE fresh_sets');
      return;
    }
  }

  /** The condition that event `e` has set `s`. */
  matchSql(): string {
    return [
      ...this.#columns('member').map((name) => `e.${name} IS NOT DISTINCT FROM s.${name}`),
      // A set from when a column still took part stands only for events that had that value.
      ...this.#columns('former').map((name) => `s.${name} IS NULL`),
    ].join(' AND ');
  }

  /** Forgets sets that no event refers to any more. */
  async prune(connection: DuckDBConnection): Promise<void> {
    const unused = ['plumbline_set', 'plumbline_parent_set', 'plumbline_root_set'].map(
      (name) => `plumbline_set NOT IN (SELECT DISTINCT ${name} FROM events WHERE ${name} IS NOT NULL)`,
    );
    await connection.run(
      `DELETE FROM attribute_sets WHERE plumbline_set <> ${NO_SET} AND ${unused.join(' AND ')}`,
    );
  }

  async #countValues(
    connection: DuckDBConnection,
    slice: Slice,
  ): Promise<readonly (readonly [key: string, values: number])[]> {
    const members = [...this.#catalogue.all()].filter((column) => this.has(column.key));
    const counts = members.map((column) => `approx_count_distinct(${quoteIdentifier(column.columnName)})`);
    const found = await connection.runAndReadAll(
      `SELECT ${counts.join(', ')} FROM events WHERE ${sliceSql(slice)}`,
    );
    const row = found.getRowsJS()[0] ?? [];
    return members.map(({ key }, index) => [key, Number(row[index])] as const);
  }

  async #leaveOut(connection: DuckDBConnection, key: string): Promise<void> {
    await connection.run(`UPDATE attribute_set_columns SET part = 'former' WHERE key_name = $1`, [key]);
    this.#parts.set(key, 'former');
  }

  #columns(part: Part): string[] {
    const columns = [...this.#catalogue.all()]
      .filter((column) => this.#parts.get(column.key) === part)
      .map((column) => quoteIdentifier(column.columnName));
    return part === 'member' ? ['dataset', ...columns] : columns;
  }
}

function mayTakePart({ key, type }: StoredColumn): boolean {
  return type !== 'float' && !IDENTITIES.has(key);
}
