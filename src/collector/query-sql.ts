import type { DuckDBValue } from '@duckdb/node-api';
import type { CalculationOp } from '../telemetry/query.ts';
import { invalidField } from './api-error.ts';
import type { ColumnCatalogue } from './column-catalogue.ts';
import type { DerivedColumns } from './event-store.ts';
import { type AggregateContext, calculationInput, planAggregate, quantileOf } from './query-aggregates.ts';
import { QueryColumns, type Term } from './query-columns.ts';
import { filterSql } from './query-filters.ts';
import { calculationKey, type RequestedQuery } from './query-request.ts';
import { QuerySets } from './query-sets.ts';
import { RELATED_SECONDS } from './schema.ts';
import { SqlParameters } from './sql-parameters.ts';
import { caseSql } from './typed-sql.ts';

const NANOSECONDS = 1_000_000_000;

export interface CompileOptions {
  readonly catalogue: ColumnCatalogue;
  /** Undefined when some event lacks them. */
  readonly derived: DerivedColumns | undefined;
  /** Undefined for all datasets. */
  readonly dataset: string | undefined;
  /** Epoch seconds, half open. */
  readonly time: { readonly start: number; readonly end: number };
  readonly weighted: boolean;
  /** Some span may be stored twice. */
  readonly repeatedSpans: boolean;
  readonly limit: number;
  /** Seconds a point; undefined leaves the series out. */
  readonly seriesStep: number | undefined;
}

/** One statement. Its columns: kind (0 result, 1 series), t (series: number of the step), then the breakdowns and calculations in order. */
export interface CompiledQuery {
  readonly sql: string;
  readonly values: readonly DuckDBValue[];
}

interface Calculation {
  readonly op: CalculationOp;
  readonly column: string | undefined;
  readonly field: string;
}

/** Compiles a query to one statement. Throws ApiError 422. */
export function compileQuery(query: RequestedQuery, options: CompileOptions): CompiledQuery {
  const { weighted } = options;
  const parameters = new SqlParameters();
  const sets = new QuerySets();
  const columns = new QueryColumns(
    options.catalogue,
    options.derived,
    options.dataset,
    parameters,
    sets,
    query.calculatedFields,
  );
  const calculations = allCalculations(query);
  const inputs = new Map<string, string>();
  const inputOf = calculations.map(({ op, column, field }) => {
    if (column === undefined) return undefined;
    const term = columns.resolve(column, `${field}.column`);
    const { sql, unit } = calculationInput(op, term, weighted);
    const value =
      term.of === 'event'
        ? sql
        : op === 'COUNT_DISTINCT'
          ? sets.valueNumber(term.of, sql)
          : sets.value(term.of, sql);
    const name = inputs.get(value) ?? `c${inputs.size}`;
    inputs.set(value, name);
    return { name, unit };
  });
  const breakdowns = query.breakdowns.map((name, index) =>
    breakdownSql(columns.resolve(name, `breakdowns[${index}]`), `k${index}`, sets, parameters),
  );
  const conditions = filterConditions(query, columns, sets, parameters);
  const context: AggregateContext = {
    weighted,
    quantilesOf: (input) =>
      quantilesOf(
        input,
        calculations,
        inputOf.map((one) => one?.name),
      ),
  };
  const plans = calculations.map(({ op, field }, index) =>
    planAggregate(op, inputOf[index]?.name, inputOf[index]?.unit ?? 1, context, `${field}.op`),
  );
  const needsTime = options.seriesStep !== undefined || plans.some((plan) => plan.kind === 'side');

  const start = parameters.bind(nanoseconds(options.time.start));
  const end = parameters.bind(nanoseconds(options.time.end));
  const joins = columns.joinsSql(
    () => ({
      from: parameters.bind(nanoseconds(Math.max(0, options.time.start - RELATED_SECONDS))),
      to: parameters.bind(nanoseconds(options.time.end + RELATED_SECONDS)),
    }),
    options.repeatedSpans,
  );
  conditions.push(`e.time >= ${start}`, `e.time < ${end}`);
  if (options.dataset !== undefined) conditions.push(`e.dataset = ${parameters.bind(options.dataset)}`);
  const selected = [
    ...breakdowns.flatMap(({ key, sql }) => (key === undefined ? [] : [`${sql} AS ${key}`])),
    ...sets.keysSql,
    ...[...inputs].map(([sql, name]) => `${sql} AS ${name}`),
    'e.sample_rate AS w',
  ];
  if (needsTime) {
    const step = parameters.bind(nanoseconds(options.seriesStep ?? defaultStep(options.time)));
    selected.push('e.time AS ts', `${step} AS step`, `e.time // ${step} AS t`);
    selected.push(`CASE WHEN e."meta.annotation_type" IS NULL THEN e.duration_ms END AS ms`);
  }
  const rows = `SELECT ${selected.join(', ')} FROM events e ${sets.joinsSql()} ${joins} WHERE ${conditions.join(' AND ')}`;

  const keys = [...breakdowns.flatMap(({ key }) => (key === undefined ? [] : [key])), ...sets.keys];
  const groups = query.breakdowns.map((_, index) => `b${index}`);
  const grouped = (by: readonly string[], from: string): string =>
    `SELECT ${['g.*', ...breakdowns.map(({ output }, index) => `${output} AS b${index}`)].join(', ')} FROM (${groupedSql(plans, by, from)}) g ${sets.attachSql()}`;
  const outputs = query.calculations.map((_, index) => `v${index}`);
  const shown = [...groups, ...outputs].map((name) => `, ${name}`).join('');
  const having = havingSql(query, calculations, parameters);
  const order = orderSql(query, calculations, groups);
  const top = `SELECT *, row_number() OVER (ORDER BY ${order}) AS place FROM grouped ${having} ORDER BY place LIMIT ${options.limit}`;
  const ctes = [`rows AS (${rows})`, `grouped AS (${grouped(keys, 'rows')})`, `top AS (${top})`];
  let sql = `WITH ${[`bound AS (${parameters.allSql()})`, ...sets.ctesSql(), ...ctes].join(', ')}
    SELECT 0 AS kind, CAST(NULL AS BIGINT) AS t, place${shown} FROM top`;
  if (options.seriesStep !== undefined) {
    const kept = keys.length > 0 ? `SEMI JOIN top ON ${sameGroup('s', 'top', keys)}` : '';
    const series = grouped([...keys, 't'], 'rows');
    sql += ` UNION ALL SELECT 1, t, 0${shown} FROM (SELECT * FROM (${series}) s ${kept})`;
  }
  return {
    sql: `${sql} ORDER BY kind, t, place${groups.map((g) => `, ${g}`).join('')}`,
    values: parameters.values,
  };
}

interface Breakdown {
  /** Column of the rows by which events are grouped for it; undefined where the group of their set does. */
  readonly key: string | undefined;
  readonly sql: string;
  /** Its value, over the grouped rows `g`. */
  readonly output: string;
}

/** Most texts that are grouped by their numbers. */
const MAX_LABELS = 200;

function breakdownSql(term: Term, key: string, sets: QuerySets, parameters: SqlParameters): Breakdown {
  if (term.of !== 'event') return { key: undefined, sql: term.sql, output: sets.group(term.of, term.sql) };
  const labels = [...(term.labels?.values ?? [])].filter((value) => value !== null);
  if (term.labels === undefined || labels.length === 0 || labels.length > MAX_LABELS) {
    return { key, sql: term.sql, output: `g.${key}` };
  }
  const number = caseSql(
    term.labels.branches((value) => (value === null ? 'NULL' : String(labels.indexOf(value)))),
  );
  const texts = labels.map((value, index) => `WHEN ${index} THEN ${parameters.bind(value)}`);
  return { key, sql: `CAST(${number} AS UTINYINT)`, output: `CASE g.${key} ${texts.join(' ')} END` };
}

/** Conditions over the events; those over one attribute set alone leave out sets instead. */
function filterConditions(
  query: RequestedQuery,
  columns: QueryColumns,
  sets: QuerySets,
  parameters: SqlParameters,
): string[] {
  const all = query.filterCombination === 'AND';
  const conditions = query.filters.flatMap(({ column, op, value }, index) => {
    const term = columns.resolve(column, `filters[${index}].column`);
    const sql = filterSql(term, op, value, parameters, `filters[${index}]`);
    if (term.of === 'event') return [sql];
    if (!all) return [sets.value(term.of, sql)];
    sets.filter(term.of, sql);
    return [];
  });
  if (conditions.length === 0) return [];
  return [`(${conditions.map((condition) => `(${condition})`).join(` ${query.filterCombination} `)})`];
}

/** Those asked for, then those that only a having or an order needs. */
function allCalculations(query: RequestedQuery): Calculation[] {
  const all: Calculation[] = query.calculations.map(({ op, column }, index) => ({
    op,
    column,
    field: `calculations[${index}]`,
  }));
  query.havings.forEach(({ op, column }, index) => {
    if (indexOf(all, op, column) < 0) all.push({ op, column, field: `havings[${index}]` });
  });
  return all;
}

function indexOf(
  calculations: readonly Calculation[],
  op: CalculationOp,
  column: string | undefined,
): number {
  return calculations.findIndex((one) => one.op === op && one.column === column);
}

function quantilesOf(
  input: string,
  calculations: readonly Calculation[],
  inputs: readonly (string | undefined)[],
): number[] {
  const quantiles = new Set<number>();
  calculations.forEach(({ op }, index) => {
    const quantile = quantileOf(op);
    if (quantile !== undefined && inputs[index] === input) quantiles.add(quantile);
  });
  return [...quantiles].sort((a, b) => a - b);
}

function groupedSql(
  plans: readonly ReturnType<typeof planAggregate>[],
  by: readonly string[],
  from: string,
): string {
  const aggregates = plans.flatMap((plan, index) =>
    plan.kind === 'aggregate' ? [`${plan.sql} AS v${index}`] : [],
  );
  // A grouping without aggregates is still needed to say which groups there are.
  const base = `SELECT ${[...by, ...aggregates, 'count(*) AS n'].join(', ')} FROM ${from} ${by.length > 0 ? `GROUP BY ${by.join(', ')}` : ''}`;
  const sides = plans.flatMap((plan, index) => (plan.kind === 'side' ? [{ index, sql: plan.side(by) }] : []));
  if (sides.length === 0) return base;
  const joins = sides.map(
    ({ index, sql }) =>
      `LEFT JOIN (${sql}) s${index} ON ${by.length > 0 ? sameGroup('g', `s${index}`, by) : 'true'}`,
  );
  const values = sides.map(({ index }) => `, s${index}.v AS v${index}`).join('');
  return `SELECT g.*${values} FROM (${base}) g ${joins.join(' ')}`;
}

function sameGroup(a: string, b: string, groups: readonly string[]): string {
  return groups.map((group) => `${a}.${group} IS NOT DISTINCT FROM ${b}.${group}`).join(' AND ');
}

function havingSql(
  query: RequestedQuery,
  calculations: readonly Calculation[],
  parameters: SqlParameters,
): string {
  if (query.havings.length === 0) return '';
  const conditions = query.havings.map(
    ({ op, column, comparison, value }) =>
      `v${indexOf(calculations, op, column)} ${comparison} ${parameters.bind(value)}`,
  );
  return `WHERE ${conditions.join(' AND ')}`;
}

/** As asked; else by the first calculation, greatest first. Breakdowns break ties, so that equal data gives equal answers. */
function orderSql(
  query: RequestedQuery,
  calculations: readonly Calculation[],
  groups: readonly string[],
): string {
  const terms = query.orders.map((order, index) => {
    const direction = order.descending ? 'DESC' : 'ASC';
    if (order.op !== undefined) {
      const found = indexOf(calculations, order.op, order.column);
      if (found >= 0) return `v${found} ${direction} NULLS LAST`;
      throw invalidField(
        `orders[${index}]`,
        `${calculationKey(order.op, order.column)} is not among the calculations`,
      );
    }
    const breakdown = query.breakdowns.indexOf(order.column ?? '');
    if (breakdown >= 0) return `b${breakdown} ${direction} NULLS LAST`;
    const named = query.calculations.findIndex((calculation) => calculation.key === order.column);
    if (named >= 0) return `v${named} ${direction} NULLS LAST`;
    throw invalidField(
      `orders[${index}].column`,
      `${order.column ?? ''} is neither a breakdown nor a calculation`,
    );
  });
  if (terms.length === 0) terms.push('v0 DESC NULLS LAST');
  return [...terms, ...groups.map((group) => `${group} NULLS LAST`)].join(', ');
}

function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e6)) * BigInt(NANOSECONDS / 1e6);
}

/** Seconds a point when the query leaves it open: a round step that gives at most 120 points. */
export function defaultStep(time: { readonly start: number; readonly end: number }): number {
  const wanted = (time.end - time.start) / 120;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
  return steps.find((step) => step >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400;
}
