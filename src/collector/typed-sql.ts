import type { ColumnType } from './schema.ts';

/** A piece of SQL with the type of what it yields; 'null' is SQL's NULL, which has none. */
export interface TypedSql {
  readonly sql: string;
  readonly type: ColumnType | 'null';
  /** Set when it yields one of a few texts that are known beforehand. */
  readonly labels?: Labels;
  /** Set when the same is at hand as a BIGINT that counts nanoseconds; `unit` of them are 1. */
  readonly nanoseconds?: { readonly sql: string; readonly unit: number };
  /** Set when another column is NULL in the very same events, and cheaper to look at. */
  readonly presence?: string;
  /** Set on a condition that is never NULL. */
  readonly certain?: true;
  /** Set on a literal number. */
  readonly number?: number;
}

/** A choice among known texts, so that events can be grouped by a small number instead of the text. */
export interface Labels {
  readonly values: ReadonlySet<string | null>;
  /** The same choice as the branches of a CASE, with the number of each text in its place. */
  branches(numberOf: (value: string | null) => string): readonly LabelBranch[];
}

/** The last one has no condition. */
interface LabelBranch {
  readonly when?: string;
  readonly number: string;
}

export const NULL_SQL: TypedSql = { sql: 'NULL', type: 'null', labels: label(null) };

export function label(value: string | null): Labels {
  return { values: new Set([value]), branches: (numberOf) => [{ number: numberOf(value) }] };
}

/** The branches as one CASE; just the value where there is no choice. */
export function caseSql(branches: readonly LabelBranch[]): string {
  const cases = branches.map(({ when, number }) =>
    when === undefined ? `ELSE ${number}` : `WHEN ${when} THEN ${number}`,
  );
  return branches.length === 1 ? (branches[0]?.number ?? 'NULL') : `CASE ${cases.join(' ')} END`;
}

export function isNumeric(expression: TypedSql): boolean {
  return expression.type === 'integer' || expression.type === 'float';
}

/** As a DOUBLE; what is not a number becomes NULL. */
export function asNumber({ sql, type }: TypedSql): string {
  switch (type) {
    case 'float':
      return sql;
    case 'integer':
      return `CAST(${sql} AS DOUBLE)`;
    case 'boolean':
      return `CAST(CAST(${sql} AS INTEGER) AS DOUBLE)`;
    case 'string':
      return `CASE WHEN isfinite(TRY_CAST(${sql} AS DOUBLE)) THEN TRY_CAST(${sql} AS DOUBLE) END`;
    case 'null':
      return 'CAST(NULL AS DOUBLE)';
  }
}

/** As text; whole floats have no ".0". */
export function asText({ sql, type }: TypedSql): string {
  switch (type) {
    case 'string':
      return sql;
    case 'float':
      return `CASE WHEN ${sql} = trunc(${sql}) AND abs(${sql}) < 1e15 THEN CAST(CAST(${sql} AS BIGINT) AS VARCHAR) ELSE CAST(${sql} AS VARCHAR) END`;
    case 'null':
      return 'CAST(NULL AS VARCHAR)';
    default:
      return `CAST(${sql} AS VARCHAR)`;
  }
}

/** As a condition that is never NULL: non-zero numbers and the text "true" are true. */
export function asCondition({ sql, type, certain }: TypedSql): string {
  if (certain) return sql;
  switch (type) {
    case 'boolean':
      return `coalesce(${sql}, false)`;
    case 'integer':
    case 'float':
      return `coalesce(${sql} <> 0, false)`;
    case 'string':
      return `coalesce(${sql} = 'true', false)`;
    case 'null':
      return 'false';
  }
}

/** Brings branches of a choice to one type: equal stays, integer with float is float, the rest is text. */
export function unify(branches: readonly TypedSql[]): { type: TypedSql['type']; sql: readonly string[] } {
  const types = new Set(branches.map((branch) => branch.type).filter((type) => type !== 'null'));
  if (types.size === 0) return { type: 'null', sql: branches.map(() => 'NULL') };
  const [only] = types;
  if (types.size === 1 && only) return { type: only, sql: branches.map((branch) => branch.sql) };
  if ([...types].every((type) => type === 'integer' || type === 'float')) {
    return { type: 'float', sql: branches.map(asNumber) };
  }
  return { type: 'string', sql: branches.map(asText) };
}
