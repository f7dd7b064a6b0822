import { z } from 'zod';
import type { CalculationOp, FilterOp } from '../telemetry/query.ts';
import { ApiError, type FieldFault, invalidField } from './api-error.ts';

const CALCULATION_OPS = [
  'COUNT',
  'CONCURRENCY',
  'SUM',
  'AVG',
  'COUNT_DISTINCT',
  'HEATMAP',
  'MAX',
  'MIN',
  'P001',
  'P01',
  'P05',
  'P10',
  'P20',
  'P25',
  'P50',
  'P75',
  'P80',
  'P90',
  'P95',
  'P99',
  'P999',
  'RATE_AVG',
  'RATE_SUM',
  'RATE_MAX',
] as const satisfies readonly CalculationOp[];

const FILTER_OPS = [
  '=',
  '!=',
  '>',
  '>=',
  '<',
  '<=',
  'starts-with',
  'does-not-start-with',
  'ends-with',
  'does-not-end-with',
  'exists',
  'does-not-exist',
  'contains',
  'does-not-contain',
  'in',
  'not-in',
] as const satisfies readonly FilterOp[];

/** Honeycomb takes at most this many of each list. */
const MAX_ITEMS = 100;
const DEFAULT_RANGE_SECONDS = 7_200;
const MAX_EXPRESSION_LENGTH = 10_000;

const columnName = z.string().min(1).max(1_024);
const scalar = z.union([z.string().max(65_536), z.number(), z.boolean()]);
const seconds = z.number().nonnegative().max(32_503_680_000);

const querySchema = z.object({
  breakdowns: z.array(columnName).max(MAX_ITEMS).nullish(),
  calculations: z
    .array(
      z.object({
        op: z.enum(CALCULATION_OPS),
        column: columnName.nullish(),
        name: columnName.nullish(),
      }),
    )
    .max(MAX_ITEMS)
    .nullish(),
  filters: z
    .array(
      z.object({
        column: columnName,
        op: z.enum(FILTER_OPS),
        value: z.union([scalar, z.array(scalar).max(10_000)]).nullish(),
      }),
    )
    .max(MAX_ITEMS)
    .nullish(),
  filter_combination: z.enum(['AND', 'OR']).nullish(),
  orders: z
    .array(
      z.object({
        op: z.enum(CALCULATION_OPS).nullish(),
        column: columnName.nullish(),
        order: z.enum(['ascending', 'descending']).nullish(),
      }),
    )
    .max(MAX_ITEMS)
    .nullish(),
  havings: z
    .array(
      z.object({
        calculate_op: z.enum(CALCULATION_OPS),
        column: columnName.nullish(),
        op: z.enum(['=', '!=', '>', '>=', '<', '<=']),
        value: z.number(),
      }),
    )
    .max(MAX_ITEMS)
    .nullish(),
  limit: z.number().int().min(1).max(1_000).nullish(),
  granularity: z.number().int().nonnegative().nullish(),
  time_range: z.number().positive().max(32_503_680_000).nullish(),
  start_time: seconds.nullish(),
  end_time: seconds.nullish(),
  calculated_fields: z
    .array(z.object({ name: columnName, expression: z.string().min(1).max(MAX_EXPRESSION_LENGTH) }))
    .max(MAX_ITEMS)
    .nullish(),
});

interface RequestedCalculation {
  readonly op: CalculationOp;
  readonly column: string | undefined;
  /** The value's key in the answer. */
  readonly key: string;
}

/** A query with its defaults filled in. */
export interface RequestedQuery {
  readonly breakdowns: readonly string[];
  readonly calculations: readonly RequestedCalculation[];
  readonly filters: readonly {
    readonly column: string;
    readonly op: FilterOp;
    readonly value: string | number | boolean | readonly (string | number | boolean)[] | undefined;
  }[];
  readonly filterCombination: 'AND' | 'OR';
  readonly orders: readonly {
    readonly op: CalculationOp | undefined;
    readonly column: string | undefined;
    readonly descending: boolean;
  }[];
  readonly havings: readonly {
    readonly op: CalculationOp;
    readonly column: string | undefined;
    readonly comparison: '=' | '!=' | '>' | '>=' | '<' | '<=';
    readonly value: number;
  }[];
  readonly limit: number;
  /** Seconds; undefined leaves the choice to the store. */
  readonly granularity: number | undefined;
  readonly time: RequestedTime;
  readonly calculatedFields: readonly { readonly name: string; readonly expression: string }[];
}

/** Epoch seconds; a relative query keeps its range and gets its end when it runs. */
export interface RequestedTime {
  readonly range: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
}

export function calculationKey(op: CalculationOp, column: string | undefined): string {
  return column === undefined ? op : `${op}(${column})`;
}

/** Checks the body of POST /1/queries. Throws a 422 ApiError that names the field. */
export function parseQuery(body: unknown): RequestedQuery {
  const parsed = querySchema.safeParse(body);
  if (!parsed.success) throw faultsError(parsed.error);
  const query = parsed.data;
  const calculations = (query.calculations?.length ? query.calculations : [{ op: 'COUNT' as const }]).map(
    (calculation, index) => {
      const column = 'column' in calculation ? (calculation.column ?? undefined) : undefined;
      checkColumnUse(`calculations[${index}]`, calculation.op, column);
      const name = 'name' in calculation ? (calculation.name ?? undefined) : undefined;
      return { op: calculation.op, column, key: name ?? calculationKey(calculation.op, column) };
    },
  );
  const duplicate = calculations.find(
    (one, index) => calculations.findIndex((c) => c.key === one.key) !== index,
  );
  if (duplicate) throw invalidField('calculations', `${duplicate.key} is there twice`);
  return {
    breakdowns: [...new Set(query.breakdowns ?? [])],
    calculations,
    filters: (query.filters ?? []).map((filter, index) => ({
      column: filter.column,
      op: filter.op,
      value: filterValue(`filters[${index}]`, filter.op, filter.value ?? undefined),
    })),
    filterCombination: query.filter_combination ?? 'AND',
    orders: (query.orders ?? []).map((order, index) => {
      if (order.op == null && order.column == null) {
        throw invalidField(`orders[${index}]`, 'needs an op or a column', 'missing');
      }
      return {
        op: order.op ?? undefined,
        column: order.column ?? undefined,
        descending: order.order === 'descending',
      };
    }),
    havings: (query.havings ?? []).map((having, index) => {
      checkColumnUse(`havings[${index}]`, having.calculate_op, having.column ?? undefined);
      return {
        op: having.calculate_op,
        column: having.column ?? undefined,
        comparison: having.op,
        value: having.value,
      };
    }),
    limit: query.limit ?? 100,
    granularity: query.granularity ? query.granularity : undefined,
    time: requestedTime(query, query.granularity ?? 0),
    calculatedFields: (query.calculated_fields ?? []).map(({ name, expression }) => ({ name, expression })),
  };
}

/** The 422 of a body that does not have the schema's shape. */
export function faultsError(error: z.ZodError): ApiError {
  const faults = error.issues.slice(0, 20).map((issue): FieldFault => {
    const field = issue.path
      .map((part, index) =>
        typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`,
      )
      .join('');
    return {
      field,
      code: issue.code === 'invalid_type' ? 'incorrect_type' : 'invalid',
      description: issue.message,
    };
  });
  const first = faults[0];
  return new ApiError(422, first ? `${first.field || 'body'}: ${first.description}` : 'invalid body', faults);
}

function checkColumnUse(field: string, op: CalculationOp, column: string | undefined): void {
  const columnless = op === 'COUNT' || op === 'CONCURRENCY';
  if (columnless && column !== undefined) throw invalidField(`${field}.column`, `${op} takes no column`);
  if (!columnless && column === undefined)
    throw invalidField(`${field}.column`, `${op} needs a column`, 'missing');
}

function filterValue<T extends string | number | boolean>(
  field: string,
  op: FilterOp,
  value: T | readonly T[] | undefined,
): T | readonly T[] | undefined {
  if (op === 'exists' || op === 'does-not-exist') return undefined;
  if (value === undefined) throw invalidField(`${field}.value`, `${op} needs a value`, 'missing');
  if (op === 'in' || op === 'not-in') {
    // Honeycomb's own pages send the list as one comma-separated text.
    if (typeof value === 'string')
      return value.split(',').map((part) => part.trim()) as unknown as readonly T[];
    return Array.isArray(value) ? value : ([value] as unknown as readonly T[]);
  }
  if (Array.isArray(value)) throw invalidField(`${field}.value`, `${op} takes one value`, 'incorrect_type');
  return value;
}

function requestedTime(query: z.infer<typeof querySchema>, granularity: number): RequestedTime {
  const { start_time: start, end_time: end, time_range: range } = query;
  if (start != null && end != null && range != null) {
    throw invalidField('time_range', 'give two of time_range, start_time and end_time, never all three');
  }
  if (start != null && end != null && end <= start)
    throw invalidField('end_time', 'must be after start_time');
  const seconds = start != null && end != null ? end - start : (range ?? DEFAULT_RANGE_SECONDS);
  if (granularity > 0 && (granularity > seconds || granularity < seconds / 1_000)) {
    throw invalidField(
      'granularity',
      `must be between ${Math.ceil(seconds / 1_000)} and ${Math.floor(seconds)} seconds for this time range`,
    );
  }
  return { range: seconds, start: start ?? undefined, end: end ?? undefined };
}

/** The interval that a query covers when it runs at `now`; epoch seconds, half open. */
export function resolveTime(time: RequestedTime, now: number): { start: number; end: number } {
  if (time.start !== undefined) return { start: time.start, end: time.end ?? time.start + time.range };
  // A relative range ends a moment ahead, so that what was acknowledged before the query is in it.
  const end = time.end ?? now + 1;
  return { start: Math.max(0, end - time.range - (time.end === undefined ? 1 : 0)), end };
}
