import type { FieldValue } from './event.ts';

export type ColumnType = 'string' | 'float' | 'integer' | 'boolean';

export const SQL_TYPE: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  float: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
};

/** Quotes an identifier for SQL. A NUL would end the statement in DuckDB's C API, so it never gets that far. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('\0', '').replaceAll('"', '""')}"`;
}

/**
 * Columns that every row has and that are no telemetry. The keys are 64-bit digests of trace and span ids:
 * joining a span to its parent on one integer costs a fraction of joining on two texts.
 */
export const INTERNAL_COLUMNS = {
  time: 'BIGINT',
  dataset: 'VARCHAR',
  sample_rate: 'BIGINT',
  trace_key: 'UBIGINT',
  span_key: 'UBIGINT',
  parent_key: 'UBIGINT',
} as const;

/**
 * Columns that are derived from the others after rows were written (see settle.ts); NULL until then. The sets are
 * rows of `attribute_sets`: the event's own, its parent's, its trace's root's.
 */
export const DERIVED_COLUMNS = {
  plumbline_set: 'INTEGER',
  plumbline_parent_set: 'INTEGER',
  plumbline_root_set: 'INTEGER',
  plumbline_ns: 'BIGINT',
  plumbline_parent_ns: 'BIGINT',
} as const;

/** How far apart in time a span and its parent or root may start, seconds. */
export const RELATED_SECONDS = 3_600;

/** The attribute set in which every column is NULL: that of a parent or root that is not there. */
export const NO_SET = 0;

/** Columns that exist from the start, with a type that no attribute can change: the queries of a diagnosis rest on them. */
export const HOT_COLUMNS: ReadonlyMap<string, ColumnType> = new Map([
  ['meta.signal_type', 'string'],
  ['meta.annotation_type', 'string'],
  ['trace.trace_id', 'string'],
  ['trace.span_id', 'string'],
  ['trace.parent_id', 'string'],
  ['name', 'string'],
  ['service.name', 'string'],
  ['span.kind', 'string'],
  ['duration_ms', 'float'],
  ['error', 'boolean'],
  ['status_code', 'integer'],
  ['status_message', 'string'],
]);

/** Raised when the tables change in a way that older collectors cannot read. */
export const SCHEMA_VERSION = 2;

export function createTablesSql(): string {
  const internal = Object.entries(INTERNAL_COLUMNS).map(([name, type]) => `${quoteIdentifier(name)} ${type}`);
  const derived = Object.entries(DERIVED_COLUMNS).map(([name, type]) => `${name} ${type}`);
  const hot = [...HOT_COLUMNS].map(([name, type]) => `${quoteIdentifier(name)} ${SQL_TYPE[type]}`);
  return `
    CREATE TABLE plumbline_store (version INTEGER NOT NULL);
    INSERT INTO plumbline_store VALUES (${SCHEMA_VERSION});
    CREATE TABLE events (${[...internal, ...derived, ...hot].join(', ')});
    CREATE TABLE event_columns (key_name VARCHAR NOT NULL, column_name VARCHAR NOT NULL, type VARCHAR NOT NULL);
    CREATE TABLE dataset_columns (dataset VARCHAR NOT NULL, key_name VARCHAR NOT NULL, created BIGINT NOT NULL);
    CREATE TABLE markers (id VARCHAR NOT NULL, dataset VARCHAR NOT NULL, start_time BIGINT NOT NULL, end_time BIGINT,
      message VARCHAR NOT NULL, type VARCHAR NOT NULL, url VARCHAR NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL);
    ${attributeSetTablesSql()}`;
}

/** `attribute_sets` gets a column for each column of events that takes part; `attribute_set_columns` says which do. */
function attributeSetTablesSql(): string {
  return `
    CREATE TABLE attribute_sets (plumbline_set INTEGER NOT NULL, dataset VARCHAR);
    INSERT INTO attribute_sets VALUES (${NO_SET}, NULL);
    CREATE TABLE attribute_set_columns (key_name VARCHAR NOT NULL, part VARCHAR NOT NULL);`;
}

/** Brings a store of layout 1, which had no derived columns, to layout 2. */
export function migrateFrom1Sql(): string {
  const derived = Object.entries(DERIVED_COLUMNS).map(
    ([name, type]) => `ALTER TABLE events ADD COLUMN ${name} ${type};`,
  );
  return `${derived.join(' ')} ${attributeSetTablesSql()} UPDATE plumbline_store SET version = 2;`;
}

export function typeOfValue(value: FieldValue): ColumnType {
  switch (typeof value) {
    case 'bigint':
      return 'integer';
    case 'number':
      return 'float';
    case 'boolean':
      return 'boolean';
    default:
      return 'string';
  }
}

/** The narrowest type that holds both without loss: integer → float → string. */
export function widen(a: ColumnType, b: ColumnType): ColumnType {
  if (a === b) return a;
  if ((a === 'integer' && b === 'float') || (a === 'float' && b === 'integer')) return 'float';
  return 'string';
}
