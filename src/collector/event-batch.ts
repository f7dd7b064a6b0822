import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  UBIGINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { ColumnCatalogue, SchemaChange, StoredColumn } from './column-catalogue.ts';
import type { DeliveredSpans } from './delivered-spans.ts';
import type { EventRow } from './event.ts';
import { coerceField } from './field-coercion.ts';
import {
  type ColumnType,
  DERIVED_COLUMNS,
  HOT_COLUMNS,
  INTERNAL_COLUMNS,
  typeOfValue,
  widen,
} from './schema.ts';
import { spanKey, traceKey } from './span-keys.ts';

/** DuckDB's vector size: the most rows that one data chunk takes. */
const CHUNK_ROWS = 2048;
/** Above this an integer is not every integer's float: widening such a column to float would lose digits. */
const MAX_EXACT = 2n ** 53n;

const DUCKDB_TYPE: Readonly<Record<ColumnType, DuckDBType>> = {
  string: VARCHAR,
  float: DOUBLE,
  integer: BIGINT,
  boolean: BOOLEAN,
};
const INTERNAL_TYPES: Readonly<Record<string, DuckDBType>> = { BIGINT, INTEGER, UBIGINT, VARCHAR };

const FIXED_TYPES: Readonly<Record<string, string>> = { ...INTERNAL_COLUMNS, ...DERIVED_COLUMNS };

/** Which columns a batch needs that the table lacks or holds too narrowly; `refused` are the keys beyond the cap. */
export function planSchema(
  rows: readonly EventRow[],
  catalogue: ColumnCatalogue,
): { change: SchemaChange; refused: ReadonlySet<string>; needsExactCheck: readonly string[] } {
  const wanted = new Map<string, ColumnType>();
  const large = new Set<string>();
  for (const row of rows) {
    for (const [key, value] of row.fields) {
      if (HOT_COLUMNS.has(key)) continue;
      const type = typeOfValue(value);
      const before = wanted.get(key);
      if (before === undefined) wanted.set(key, type);
      else if (before !== type) wanted.set(key, widen(before, type));
      if (type === 'integer' && ((value as bigint) > MAX_EXACT || (value as bigint) < -MAX_EXACT))
        large.add(key);
    }
  }
  const added: StoredColumn[] = [];
  const widened: StoredColumn[] = [];
  const planned = new Set<string>();
  const refused = new Set<string>();
  const needsExactCheck: string[] = [];
  for (const [key, batchType] of wanted) {
    const column = catalogue.get(key);
    if (!column) {
      if (!catalogue.hasRoom(added.length)) {
        refused.add(key);
        continue;
      }
      const type = batchType === 'float' && large.has(key) ? 'string' : batchType;
      const columnName = catalogue.nameFor(key, planned);
      planned.add(columnName.toLowerCase());
      added.push({ key, columnName, type });
      continue;
    }
    let type = widen(column.type, batchType);
    if (type === column.type && !(type === 'float' && large.has(key))) continue;
    if (type === 'float' && large.has(key)) type = 'string';
    if (type === 'float' && column.type === 'integer') needsExactCheck.push(key);
    widened.push({ ...column, type });
  }
  return { change: { added, widened }, refused, needsExactCheck };
}

/** Appends rows whose columns all exist. Values that a fixed column cannot hold are left out and counted. */
export async function appendRows(
  connection: DuckDBConnection,
  rows: readonly EventRow[],
  catalogue: ColumnCatalogue,
  delivered: DeliveredSpans,
): Promise<{ unfit: ReadonlyMap<string, number> }> {
  const columns = [...catalogue.all()];
  const indexOf = new Map(columns.map((column, index) => [column.key, index]));
  const indexByName = new Map(columns.map((column, index) => [column.columnName, index]));
  const table = catalogue.tableColumns;
  const types = table.map((name) => {
    const column = columns[indexByName.get(name) ?? -1];
    return column ? DUCKDB_TYPE[column.type] : (INTERNAL_TYPES[FIXED_TYPES[name] ?? ''] ?? VARCHAR);
  });
  const unfit = new Map<string, number>();
  const appender = await connection.createAppender('events');
  try {
    for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
      const part = rows.slice(start, start + CHUNK_ROWS);
      const values: (DuckDBValue[] | undefined)[] = new Array(columns.length);
      part.forEach((row, rowIndex) => {
        for (const [key, value] of row.fields) {
          const index = indexOf.get(key);
          const column = index === undefined ? undefined : columns[index];
          if (index === undefined || !column) continue;
          const fitting = typeOfValue(value) === column.type ? value : coerceField(value, column.type);
          if (fitting === null) unfit.set(key, (unfit.get(key) ?? 0) + 1);
          let cells = values[index];
          if (!cells) {
            cells = new Array<DuckDBValue>(part.length).fill(null);
            values[index] = cells;
          }
          cells[rowIndex] = fitting;
        }
      });
      const chunk = DuckDBDataChunk.create(types, part.length);
      const empty = new Array<DuckDBValue>(part.length).fill(null);
      const internal = internalCells(part, delivered);
      table.forEach((name, place) => {
        const cells = internal.get(name) ?? values[indexByName.get(name) ?? -1];
        chunk.setColumnValues(place, cells ?? empty);
      });
      appender.appendDataChunk(chunk);
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  return { unfit };
}

/** The cells of INTERNAL_COLUMNS. */
function internalCells(
  rows: readonly EventRow[],
  delivered: DeliveredSpans,
): ReadonlyMap<string, DuckDBValue[]> {
  const text = (row: EventRow, key: string): string | undefined => {
    const value = row.fields.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const cells: Record<keyof typeof INTERNAL_COLUMNS, DuckDBValue[]> = {
    time: rows.map((row) => row.time),
    dataset: rows.map((row) => row.dataset),
    sample_rate: rows.map((row) => BigInt(row.sampleRate)),
    trace_key: rows.map((row) => traceKey(text(row, 'trace.trace_id'))),
    span_key: rows.map((row) => {
      const key = spanKey(text(row, 'trace.trace_id'), text(row, 'trace.span_id'));
      if (key !== null) delivered.note(key);
      return key;
    }),
    parent_key: rows.map((row) => spanKey(text(row, 'trace.trace_id'), text(row, 'trace.parent_id'))),
  };
  return new Map(Object.entries(cells));
}
