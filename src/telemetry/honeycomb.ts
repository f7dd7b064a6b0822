import { LRUCache } from 'lru-cache';
import { canonicalJson } from '../content-hash.ts';
import { Problem } from '../problem.ts';
import { isRelational } from './columns.ts';
import {
  type AuthAnswer,
  isLoopback,
  parseAuth,
  parseColumns,
  parseDatasets,
  parseDefinitions,
  parseMarkers,
  parseQueryId,
  parseResult,
  type ResultAnswer,
  toWire,
} from './honeycomb-answers.ts';
import { HoneycombHttp } from './honeycomb-http.ts';
import type {
  Column,
  Dataset,
  Marker,
  QueryAnswer,
  QuerySpec,
  RunOptions,
  TelemetryStore,
  TimeWindow,
} from './query.ts';
import { type BudgetLimits, type Clock, HONEYCOMB_LIMITS, RequestBudget } from './request-budget.ts';
import { SharedRequests } from './shared-requests.ts';
import { snapWindow } from './snap-window.ts';
import { systemClock } from './system-clock.ts';

export interface HoneycombOptions {
  /** `https://api.honeycomb.io`, `https://api.eu1.honeycomb.io`, or a collector's address. */
  readonly apiUrl: string;
  readonly apiKey: () => Promise<string>;
  /** Shown as the store's name; default the host. */
  readonly name?: string;
  readonly fetch?: typeof fetch;
  /** Default: Honeycomb's limits, and none for a collector on this machine. */
  readonly budget?: BudgetLimits | 'unlimited';
  readonly clock?: Clock;
}

const FIRST_POLL_MS = 200;
/** A collector answers within milliseconds, and asking it costs nothing. */
const FIRST_LOCAL_POLL_MS = 10;
const LAST_POLL_MS = 1_000;
const RESULT_TIMEOUT_MS = 30_000;
const DEFAULT_LIMIT = 100;
/** Answers kept, by their rows and points together; about 100 bytes each. */
const CACHED_ROWS = 200_000;
/** Events arrive late by batching in the exporters; a window counts as settled after this. */
const SETTLED_AFTER_MS = 30_000;
/** Columns and datasets change with the next event; a diagnosis reads them more than once. */
const SCHEMA_TTL_MS = 15_000;

/** The one client of Honeycomb's API: the cloud and the collector differ by address and key alone. */
export class HoneycombClient implements TelemetryStore {
  readonly name: string;
  readonly #http: HoneycombHttp;
  readonly #clock: Clock;
  readonly #budget: RequestBudget | undefined;
  readonly #cloud: boolean;
  readonly #host: string;
  readonly #queryIds = new LRUCache<string, string>({ max: 500 });
  readonly #answers = new LRUCache<string, QueryAnswer>({
    maxSize: CACHED_ROWS,
    sizeCalculation: (answer) => 1 + answer.rows.length + answer.series.length,
  });
  readonly #schema = new LRUCache<string, object>({ max: 500, ttl: SCHEMA_TTL_MS });
  readonly #shared = new SharedRequests();
  #requests = 0;

  constructor(options: HoneycombOptions) {
    const url = new URL(options.apiUrl);
    const local = isLoopback(url.hostname);
    this.#clock = options.clock ?? systemClock;
    this.#http = new HoneycombHttp(options.apiUrl, options.apiKey, options.fetch ?? fetch, this.#clock);
    this.name = options.name ?? (local ? 'local collector' : url.host);
    const limits = options.budget ?? (local ? 'unlimited' : HONEYCOMB_LIMITS);
    this.#budget = limits === 'unlimited' ? undefined : new RequestBudget(limits, this.#clock);
    this.#cloud = !local;
    this.#host = url.host;
  }

  /** Honeycomb refuses joined fields in SELECT; the collector doesn't. */
  get computesOverParents(): boolean {
    return !this.#cloud;
  }

  get requests(): number {
    return this.#requests;
  }

  /** Team, environment and what the key may do. Whether queries may run shows only when one is run. */
  async auth(signal?: AbortSignal): Promise<AuthAnswer> {
    return parseAuth(await this.#http.get('/1/auth', 'the key’s permissions', signal));
  }

  datasets(signal?: AbortSignal): Promise<readonly Dataset[]> {
    return this.#cachedSchema('datasets', signal, async (shared) =>
      parseDatasets(await this.#http.get('/1/datasets', 'the datasets', shared)),
    );
  }

  columns(dataset: string, signal?: AbortSignal): Promise<readonly Column[]> {
    const path = `/1/columns/${encodeURIComponent(dataset)}`;
    return this.#cachedSchema(path, signal, async (shared) =>
      parseColumns(await this.#http.get(path, `the columns of dataset ${dataset}`, shared)),
    );
  }

  /** Role → column, as the dataset's owner defined them. */
  definitions(dataset: string, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const path = `/1/dataset_definitions/${encodeURIComponent(dataset)}`;
    return this.#cachedSchema(path, signal, async (shared) =>
      parseDefinitions(await this.#http.get(path, `the definitions of dataset ${dataset}`, shared)),
    );
  }

  async run(
    dataset: string,
    spec: QuerySpec,
    window: TimeWindow,
    options: RunOptions = {},
  ): Promise<QueryAnswer> {
    const asked = this.#cloud ? snapWindow(window) : window;
    const series = options.series === true;
    const key = canonicalJson([dataset, spec, asked, series]);
    const cached = this.#answers.get(key);
    if (cached) return cached;
    return this.#shared.run(key, options.signal, async (signal) => {
      const answer = await this.#query(dataset, spec, asked, series, signal);
      // A window that reaches into the present will have more events in it a moment later.
      if (asked.end < this.#clock.now() - SETTLED_AFTER_MS) this.#answers.set(key, answer);
      return answer;
    });
  }

  async mark(dataset: string, marker: Marker, signal?: AbortSignal): Promise<void> {
    const body = {
      start_time: Math.floor(marker.time / 1000),
      ...(marker.endTime !== undefined && { end_time: Math.floor(marker.endTime / 1000) }),
      message: marker.message,
      type: marker.type,
      ...(marker.url !== undefined && { url: marker.url }),
    };
    await this.#http.post(`/1/markers/${encodeURIComponent(dataset)}`, body, 'the marker', signal);
  }

  async markers(dataset: string, signal?: AbortSignal): Promise<readonly Marker[]> {
    const path = `/1/markers/${encodeURIComponent(dataset)}`;
    return parseMarkers(await this.#http.get(path, `the markers of dataset ${dataset}`, signal));
  }

  #cachedSchema<T extends object>(
    key: string,
    signal: AbortSignal | undefined,
    read: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const cached = this.#schema.get(key);
    if (cached) return Promise.resolve(cached as T);
    return this.#shared.run(key, signal, async (shared) => {
      const value = await read(shared);
      // Who has nothing yet looks again until there is something, and should see it at once.
      if (!Array.isArray(value) || value.length > 0) this.#schema.set(key, value);
      return value;
    });
  }

  async #query(
    dataset: string,
    spec: QuerySpec,
    window: TimeWindow,
    series: boolean,
    signal: AbortSignal,
  ): Promise<QueryAnswer> {
    const limit = spec.limit ?? DEFAULT_LIMIT;
    // The query itself takes at most 1,000; more rows are asked for when the result is created.
    const queryable: QuerySpec = limit > 1_000 ? { ...spec, limit: 1_000 } : spec;
    const resultPath = `/1/query_results/${encodeURIComponent(dataset)}`;
    const create = async (): Promise<ResultAnswer> => {
      const queryId = await this.#queryId(dataset, queryable, window, signal);
      const request = {
        query_id: queryId.id,
        disable_series: !series,
        disable_total_by_aggregate: true,
        disable_other_by_aggregate: true,
        ...(!series && { limit }),
      };
      await this.#budget?.take(isRelational(spec), signal);
      this.#requests++;
      try {
        return parseResult(await this.#http.post(resultPath, request, `dataset ${dataset}`, signal));
      } catch (error) {
        // A store that started anew knows no query of before; nothing was run, so asking once more costs nothing.
        const forgotten = queryId.cached && error instanceof Problem && error.code === 'not-found';
        if (!forgotten) throw error;
        this.#queryIds.clear();
        return create();
      }
    };
    const created = await this.#noteLimit(create);
    const result = created.complete
      ? created
      : await this.#poll(`${resultPath}/${created.id}`, dataset, signal);
    const url = this.#ownPage(result.url ?? created.url);
    return {
      dataset,
      window,
      spec,
      rows: result.rows,
      series: result.series,
      ...(url !== undefined && { url }),
      truncated: result.rows.length >= limit,
    };
  }

  /** An answer may lead to Honeycomb's own pages or to the host that was set as its API, and nowhere else. */
  #ownPage(url: string | undefined): string | undefined {
    if (url === undefined) return undefined;
    const { hostname, host } = new URL(url);
    const own = hostname.endsWith('.honeycomb.io') || host === this.#host;
    return own ? url : undefined;
  }

  /** Notes a refusal for too many requests in the budget, so that the next query waits instead of being refused too. */
  async #noteLimit<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem && error.code === 'rate-limited')
        this.#budget?.pause(this.#http.lastWaitMs);
      throw error;
    }
  }

  async #queryId(
    dataset: string,
    spec: QuerySpec,
    window: TimeWindow,
    signal: AbortSignal,
  ): Promise<{ id: string; cached: boolean }> {
    const body = toWire(spec, window);
    const key = canonicalJson([dataset, body]);
    const known = this.#queryIds.get(key);
    if (known !== undefined) return { id: known, cached: true };
    const path = `/1/queries/${encodeURIComponent(dataset)}`;
    const id = parseQueryId(await this.#http.post(path, body, `dataset ${dataset}`, signal));
    this.#queryIds.set(key, id);
    return { id, cached: false };
  }

  async #poll(path: string, dataset: string, signal: AbortSignal): Promise<ResultAnswer> {
    const deadline = this.#clock.now() + RESULT_TIMEOUT_MS;
    try {
      for (
        let wait = this.#cloud ? FIRST_POLL_MS : FIRST_LOCAL_POLL_MS;
        ;
        wait = Math.min(wait * 2, LAST_POLL_MS)
      ) {
        await this.#clock.sleep(wait, signal);
        const result = parseResult(await this.#http.get(path, `the result of dataset ${dataset}`, signal));
        if (result.complete) return result;
        if (this.#clock.now() >= deadline) {
          throw new Problem(
            'timeout',
            `The query on dataset ${dataset} was not answered within ${RESULT_TIMEOUT_MS / 1000} s.`,
            'Ask for a shorter time range or fewer breakdowns.',
          );
        }
      }
    } catch (error) {
      // A collector stops the work; Honeycomb has no such call and its queries end by themselves.
      if (signal.aborted && !this.#cloud) this.#http.drop(path);
      throw error;
    }
  }
}
