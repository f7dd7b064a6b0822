import type { FilterOp, Scalar } from '../telemetry/query.ts';
import { invalidField } from './api-error.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { asText, caseSql, isNumeric, type Labels, type TypedSql } from './typed-sql.ts';

/**
 * One filter as a condition. Only rows that have the column can match, whatever the operator
 * (SQL's NULL does that by itself), except for does-not-exist.
 */
export function filterSql(
  column: TypedSql,
  op: FilterOp,
  value: Scalar | readonly Scalar[] | undefined,
  parameters: SqlParameters,
  field: string,
): string {
  const known = column.labels && filterOfLabels(column.labels, op, value);
  if (known !== undefined) return known;
  switch (op) {
    case 'exists':
      return `${column.presence ?? column.sql} IS NOT NULL`;
    case 'does-not-exist':
      return `${column.presence ?? column.sql} IS NULL`;
    case 'in':
    case 'not-in': {
      const options = (Array.isArray(value) ? value : [value]) as readonly Scalar[];
      const matches = options.map((option) => equality(column, option, parameters));
      const any = matches.length === 0 ? 'false' : `(${matches.join(' OR ')})`;
      return op === 'in' ? any : `(${column.sql} IS NOT NULL AND NOT ${any})`;
    }
    default:
      break;
  }
  const single = value as Scalar;
  switch (op) {
    case '=':
      return equality(column, single, parameters);
    case '!=':
      return `(${column.sql} IS NOT NULL AND NOT ${equality(column, single, parameters)})`;
    case 'starts-with':
      return `starts_with(${asText(column)}, ${parameters.bind(String(single))})`;
    case 'does-not-start-with':
      return `NOT starts_with(${asText(column)}, ${parameters.bind(String(single))})`;
    case 'ends-with':
      return `ends_with(${asText(column)}, ${parameters.bind(String(single))})`;
    case 'does-not-end-with':
      return `NOT ends_with(${asText(column)}, ${parameters.bind(String(single))})`;
    case 'contains':
      return `contains(${asText(column)}, ${parameters.bind(String(single))})`;
    case 'does-not-contain':
      return `NOT contains(${asText(column)}, ${parameters.bind(String(single))})`;
    default:
      return ordering(column, op, single, parameters, field);
  }
}

/** A choice among known texts is compared here and now, and leaves only its conditions to the events. */
function filterOfLabels(
  labels: Labels,
  op: FilterOp,
  value: Scalar | readonly Scalar[] | undefined,
): string | undefined {
  const equal = op === '=' || op === 'in';
  if (!equal && op !== '!=' && op !== 'not-in') return undefined;
  const wanted = new Set((Array.isArray(value) ? value : [value]).map(String));
  return caseSql(labels.branches((text) => String(text !== null && wanted.has(text) === equal)));
}

/** Never NULL where the column has a value, so that it may be negated. */
function equality(column: TypedSql, value: Scalar, parameters: SqlParameters): string {
  if (isNumeric(column)) {
    const number = numberOf(value);
    if (number === undefined) return 'false';
    return Number.isSafeInteger(number) && column.type === 'integer'
      ? `${column.sql} = ${parameters.bind(BigInt(number))}`
      : `${column.sql} = ${parameters.bind(number)}`;
  }
  if (column.type === 'boolean') {
    if (value === true || value === 'true' || value === 1) return `${column.sql} = true`;
    if (value === false || value === 'false' || value === 0) return `${column.sql} = false`;
    return 'false';
  }
  return `${asText(column)} = ${parameters.bind(String(value))}`;
}

function ordering(
  column: TypedSql,
  op: '>' | '>=' | '<' | '<=',
  value: Scalar,
  parameters: SqlParameters,
  field: string,
): string {
  if (isNumeric(column)) {
    const number = numberOf(value);
    if (number === undefined) {
      throw invalidField(`${field}.value`, `${op} on a number needs a number`, 'incorrect_type');
    }
    return `${column.sql} ${op} ${parameters.bind(number)}`;
  }
  if (column.type === 'string' && typeof value === 'number') {
    return `TRY_CAST(${column.sql} AS DOUBLE) ${op} ${parameters.bind(value)}`;
  }
  return `${asText(column)} ${op} ${parameters.bind(String(value))}`;
}

function numberOf(value: Scalar): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
