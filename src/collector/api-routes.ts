import { z } from 'zod';
import { COLLECTOR_TEAM_SLUG } from '../telemetry/honeycomb-answers.ts';
import { ApiError } from './api-error.ts';
import {
  columnAnswerByName,
  columnsAnswer,
  datasetsAnswer,
  definitionsAnswer,
  findDataset,
} from './dataset-answers.ts';
import type { EventStore } from './event-store.ts';
import { ALL, type Markers } from './markers.ts';
import { faultsError } from './query-request.ts';
import type { QueryResults } from './query-results.ts';

export interface ApiRequest {
  readonly method: string;
  /** Decoded segments after /1. */
  readonly path: readonly string[];
  readonly search: URLSearchParams;
  json(): Promise<unknown>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const resultRequest = z.object({
  query_id: z.string().min(1).max(200),
  disable_series: z.boolean().nullish(),
  limit: z.number().int().min(1).max(10_000).nullish(),
});

/** The part of Honeycomb's API (version 1) that the collector has. */
export class ApiRoutes {
  readonly #store: EventStore;
  readonly #results: QueryResults;
  readonly #markers: Markers;

  constructor(store: EventStore, results: QueryResults, markers: Markers) {
    this.#store = store;
    this.#results = results;
    this.#markers = markers;
  }

  async handle(request: ApiRequest): Promise<ApiAnswer> {
    const [resource, dataset, id, ...more] = request.path;
    if (more.length > 0) throw notFound();
    switch (resource) {
      case 'auth':
        return dataset === undefined ? only(request, 'GET', authAnswer()) : Promise.reject(notFound());
      case 'datasets':
        return this.#datasets(request, dataset);
      case 'columns':
        return this.#columns(request, dataset);
      case 'dataset_definitions':
        await this.#store.flush();
        return only(request, 'GET', definitionsAnswer(this.#store.catalogue, this.#find(dataset)));
      case 'queries':
        return this.#queries(request, dataset, id);
      case 'query_results':
        return this.#queryResults(request, dataset, id);
      case 'markers':
        return this.#markerRoutes(request, dataset, id);
      default:
        throw notFound();
    }
  }

  async #datasets(request: ApiRequest, slug: string | undefined): Promise<ApiAnswer> {
    await this.#store.flush();
    const all = datasetsAnswer(this.#store.catalogue);
    if (slug === undefined) return only(request, 'GET', all);
    const name = this.#find(slug);
    return only(
      request,
      'GET',
      all.find((one) => 'name' in one && one.name === name),
    );
  }

  async #columns(request: ApiRequest, dataset: string | undefined): Promise<ApiAnswer> {
    await this.#store.flush();
    const name = this.#find(dataset);
    const key = request.search.get('key_name');
    const { catalogue } = this.#store;
    return only(
      request,
      'GET',
      key === null ? columnsAnswer(catalogue, name) : columnAnswerByName(catalogue, name, key),
    );
  }

  async #queries(
    request: ApiRequest,
    dataset: string | undefined,
    id: string | undefined,
  ): Promise<ApiAnswer> {
    await this.#store.flush();
    const name = this.#findOrAll(dataset);
    if (id !== undefined) {
      const found = this.#results.get(name, id);
      return only(request, 'GET', { id: found.id, ...found.body });
    }
    if (request.method !== 'POST') throw methodNotAllowed();
    const created = this.#results.create(name, await request.json());
    return { status: 200, body: { id: created.id, ...created.body } };
  }

  async #queryResults(
    request: ApiRequest,
    dataset: string | undefined,
    id: string | undefined,
  ): Promise<ApiAnswer> {
    const name = this.#findOrAll(dataset);
    if (id === undefined) {
      if (request.method !== 'POST') throw methodNotAllowed();
      const parsed = resultRequest.safeParse(await request.json());
      if (!parsed.success) throw faultsError(parsed.error);
      const { query_id, disable_series, limit } = parsed.data;
      const run = this.#results.run(name, query_id, {
        series: disable_series !== true,
        limit: disable_series === true ? (limit ?? undefined) : undefined,
      });
      return {
        status: 201,
        body: { query: run.query, id: run.id, complete: false, links: {} },
        headers: { Location: `/1/query_results/${encodeURIComponent(dataset ?? '')}/${run.id}` },
      };
    }
    if (request.method === 'DELETE') {
      this.#results.cancel(name, id);
      return { status: 204 };
    }
    const { query, outcome } = await this.#results.result(name, id);
    return only(request, 'GET', {
      query,
      id,
      complete: outcome !== undefined,
      ...(outcome && { data: outcome }),
      links: {},
    });
  }

  async #markerRoutes(
    request: ApiRequest,
    dataset: string | undefined,
    id: string | undefined,
  ): Promise<ApiAnswer> {
    // Markers may come before the first event of their dataset, so the name need not be known.
    const name = dataset ?? ALL;
    if (id === undefined) {
      if (request.method === 'GET') return { status: 200, body: await this.#markers.list(name) };
      if (request.method === 'POST') {
        return { status: 201, body: await this.#markers.create(name, await request.json()) };
      }
      throw methodNotAllowed();
    }
    switch (request.method) {
      case 'GET':
        return { status: 200, body: await this.#markers.get(name, id) };
      case 'PUT':
        return { status: 200, body: await this.#markers.update(name, id, await request.json()) };
      case 'DELETE':
        await this.#markers.remove(name, id);
        return { status: 204 };
      default:
        throw methodNotAllowed();
    }
  }

  #find(dataset: string | undefined): string {
    if (dataset === undefined) throw notFound();
    return findDataset(this.#store.catalogue, dataset);
  }

  /** Undefined stands for all datasets. */
  #findOrAll(dataset: string | undefined): string | undefined {
    return dataset === ALL ? undefined : this.#find(dataset);
  }
}

function only(request: ApiRequest, method: string, body: unknown): ApiAnswer {
  if (request.method !== method) throw methodNotAllowed();
  return { status: 200, body };
}

function notFound(): ApiError {
  return new ApiError(404, 'not found');
}

function methodNotAllowed(): ApiError {
  return new ApiError(405, 'method not allowed');
}

function authAnswer(): object {
  return {
    id: 'local',
    type: 'configuration',
    api_key_access: {
      events: true,
      markers: true,
      triggers: false,
      boards: false,
      queries: true,
      columns: true,
      createDatasets: true,
      slos: false,
      recipients: false,
      privateBoards: false,
    },
    environment: { name: 'local', slug: 'local' },
    team: { name: 'Plumbline collector', slug: COLLECTOR_TEAM_SLUG },
  };
}
