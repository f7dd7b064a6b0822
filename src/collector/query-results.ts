import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { contentId } from '../content-hash.ts';
import { ApiError, invalidField } from './api-error.ts';
import type { EventStore } from './event-store.ts';
import type { Log } from './log.ts';
import { parseQuery, type RequestedQuery, resolveTime } from './query-request.ts';
import { compileQuery, defaultStep } from './query-sql.ts';

/** Who asks for a result waits so long for it: asking again and again would find it later than it is there. */
const WAIT_MS = 500;

type Data = Record<string, unknown>;

export interface QueryOutcome {
  readonly results: readonly { readonly data: Data }[];
  readonly series: readonly { readonly time: string; readonly data: Data }[];
}

interface StoredQuery {
  readonly id: string;
  readonly dataset: string | undefined;
  readonly body: object;
  readonly query: RequestedQuery;
}

interface QueryRun {
  readonly id: string;
  readonly query: StoredQuery;
  readonly abort: AbortController;
  /** Resolves when it has an outcome or an error. */
  ended: Promise<void>;
  outcome?: QueryOutcome;
  error?: ApiError;
}

export interface ResultOptions {
  readonly series: boolean;
  /** Most rows; counts up to 10,000 without the series. */
  readonly limit: number | undefined;
}

/** Queries that were created, and the runs that were made of them. Both are forgotten, oldest first. */
export class QueryResults {
  readonly #store: EventStore;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #queries = new LRUCache<string, StoredQuery>({ max: 5_000 });
  readonly #runs = new LRUCache<string, QueryRun>({ max: 500, ttl: 10 * 60_000 });

  constructor(store: EventStore, log: Log, timeoutMs: number) {
    this.#store = store;
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  /** Checks and keeps a query; the same one has the same id. Throws ApiError 422 for one that cannot run. */
  create(dataset: string | undefined, body: unknown): { id: string; body: object } {
    const query = parseQuery(body);
    this.#compile(dataset, query, { series: true, limit: undefined }, Date.now());
    const kept = body as object;
    const id = contentId('q', { dataset: dataset ?? null, body: kept });
    this.#queries.set(id, { id, dataset, body: kept, query });
    return { id, body: kept };
  }

  get(dataset: string | undefined, id: string): { id: string; body: object } {
    const found = this.#queries.get(id);
    if (!found || found.dataset !== dataset) throw new ApiError(404, 'Query not found');
    return found;
  }

  /** Starts a run and returns its id at once. */
  run(dataset: string | undefined, queryId: string, options: ResultOptions): { id: string; query: object } {
    const query = this.#queries.get(queryId);
    if (!query || query.dataset !== dataset) throw new ApiError(404, 'Query not found');
    const run: QueryRun = {
      id: `r_${randomBytes(8).toString('hex')}`,
      query,
      abort: new AbortController(),
      ended: Promise.resolve(),
    };
    this.#runs.set(run.id, run);
    run.ended = this.#execute(run, options);
    return { id: run.id, query: { id: query.id, ...query.body } };
  }

  /** Undefined outcome: still running, and has been for a moment. Throws the run's ApiError when it failed. */
  async result(
    dataset: string | undefined,
    id: string,
  ): Promise<{ query: object; outcome: QueryOutcome | undefined }> {
    const run = this.#runs.get(id);
    if (!run || run.query.dataset !== dataset) throw new ApiError(404, 'Query result not found');
    await Promise.race([run.ended, sleep(WAIT_MS, undefined, { ref: false })]);
    if (run.error) throw run.error;
    return { query: { id: run.query.id, ...run.query.body }, outcome: run.outcome };
  }

  /** Stops a run that nobody waits for any more. */
  cancel(dataset: string | undefined, id: string): void {
    const run = this.#runs.get(id);
    if (!run || run.query.dataset !== dataset) throw new ApiError(404, 'Query result not found');
    run.abort.abort();
    this.#runs.delete(id);
  }

  close(): void {
    for (const run of this.#runs.values()) run.abort.abort();
  }

  #compile(dataset: string | undefined, query: RequestedQuery, options: ResultOptions, now: number) {
    const time = resolveTime(query.time, now / 1000);
    const step = query.granularity ?? defaultStep(time);
    const limit = options.series
      ? Math.min(options.limit ?? query.limit, 1_000)
      : (options.limit ?? query.limit);
    const compiled = compileQuery(query, {
      catalogue: this.#store.catalogue,
      derived: this.#store.derived,
      dataset,
      time,
      weighted: this.#store.sampled,
      repeatedSpans: this.#store.delivered.repeated,
      limit,
      seriesStep: options.series ? step : undefined,
    });
    return { ...compiled, step };
  }

  async #execute(run: QueryRun, options: ResultOptions): Promise<void> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const signal = AbortSignal.any([run.abort.signal, timeout]);
    const started = performance.now();
    try {
      await this.#store.prepareToRead();
      const { query } = run.query;
      const { sql, values, step } = this.#compile(run.query.dataset, query, options, Date.now());
      const { rows } = await this.#store.read(sql, values, signal);
      run.outcome = toOutcome(rows, query, step);
      this.#log(
        'info',
        `query ${run.query.id}: ${rows.length} rows in ${Math.round(performance.now() - started)} ms`,
      );
    } catch (error) {
      run.error = this.#failure(error, timeout.aborted, run.query.query);
    }
  }

  #failure(error: unknown, timedOut: boolean, query: RequestedQuery): ApiError {
    if (error instanceof ApiError) return error;
    if (timedOut) {
      return new ApiError(
        504,
        `The query took longer than ${this.#timeoutMs / 1000} s. Ask for a shorter time range or fewer breakdowns.`,
      );
    }
    const message = error instanceof Error ? error.message : String(error);
    // DuckDB compiles a pattern when the first row comes, and says only "Invalid Input" about a bad one.
    const matches = query.calculatedFields.some((field) => /\bREG_/i.test(field.expression));
    if (matches && /^(?:Invalid Input|Out of Range) Error/.test(message)) {
      return invalidField('calculated_fields', `not a regular expression: ${firstLine(message)}`);
    }
    this.#log('error', `query failed: ${message}`);
    return new ApiError(500, `The query failed: ${firstLine(message)}`);
  }
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 300);
}

/** Rows are [kind, t, place, …breakdowns, …calculations]. */
function toOutcome(rows: readonly (readonly unknown[])[], query: RequestedQuery, step: number): QueryOutcome {
  const keys = [...query.breakdowns, ...query.calculations.map((calculation) => calculation.key)];
  const results: { data: Data }[] = [];
  const series: { time: string; data: Data }[] = [];
  for (const row of rows) {
    const data = dataOf(row, keys);
    if (row[0] === 0) results.push({ data });
    else series.push({ time: isoTime(Number(row[1]) * step), data });
  }
  return { results, series };
}

function dataOf(row: readonly unknown[], keys: readonly string[]): Data {
  // A breakdown may be called __proto__; objects without a prototype are slow, and there are thousands of points.
  const data: Data = keys.includes('__proto__') ? Object.create(null) : {};
  for (let index = 0; index < keys.length; index++) data[keys[index] ?? ''] = jsonCell(row[index + 3]);
  return data;
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function jsonCell(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return value ?? null;
}
