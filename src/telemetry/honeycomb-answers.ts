import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { Cell, Column, Dataset, Marker, QuerySpec, Row, SeriesPoint } from './query.ts';

/**
 * Shapes of Honeycomb's answers. They come over a network from a store whose content others wrote:
 * what does not have the shape is refused, what is longer than anybody reads is cut.
 */
const MAX_TEXT = 10_000;
const MAX_ROWS = 10_000;
const MAX_SERIES_POINTS = 200_000;

const text = z.string().transform((value) => value.slice(0, MAX_TEXT));
/** A number, or a time as text: RFC 3339, or one without a zone, which is UTC. */
const time = z.union([z.number(), z.string()]);
const cell = z.unknown().transform((value): Cell => {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value;
  return value === null || value === undefined ? null : JSON.stringify(value).slice(0, MAX_TEXT);
});
const rowData = z.record(z.string(), cell);
/** Rows come as {data: {…}}; flat ones are taken too. */
const row = z.union([z.object({ data: rowData }).transform(({ data }) => data), rowData]);

const authSchema = z.object({
  api_key_access: z.record(z.string(), z.unknown()).nullish(),
  environment: z.object({ name: text.nullish(), slug: text.nullish() }).nullish(),
  team: z.object({ name: text.nullish(), slug: text.nullish() }).nullish(),
});

const datasetSchema = z.object({
  name: text,
  slug: text.nullish(),
  last_written_at: time.nullish(),
});

const columnSchema = z.object({
  key_name: text,
  type: z.enum(['string', 'float', 'integer', 'boolean']).catch('string'),
  description: text.nullish(),
});

const markerSchema = z.object({
  start_time: z.number().nullish(),
  end_time: z.number().nullish(),
  message: text.nullish(),
  type: text.nullish(),
  url: text.nullish(),
});

const resultSchema = z.object({
  id: z.string().min(1).max(200),
  complete: z.boolean().nullish(),
  data: z
    .object({
      results: z.array(row).max(MAX_ROWS).nullish(),
      series: z
        .array(z.object({ time, data: rowData }))
        .max(MAX_SERIES_POINTS)
        .nullish(),
    })
    .nullish(),
  links: z.object({ query_url: z.string().max(2_000).nullish() }).nullish(),
});

const definitionsSchema = z.record(
  z.string(),
  z.union([z.object({ name: text.nullish() }), z.string(), z.null()]),
);

/** Team of the collector's keys: tells a client that it is Plumbline's collector that serves a port. */
export const COLLECTOR_TEAM_SLUG = 'plumbline-collector';

export interface ResultAnswer {
  readonly id: string;
  readonly complete: boolean;
  readonly rows: readonly Row[];
  readonly series: readonly SeriesPoint[];
  readonly url: string | undefined;
}

export interface AuthAnswer {
  readonly team: string;
  readonly teamSlug: string;
  readonly environment: string;
  readonly access: Readonly<Record<string, boolean>>;
}

export function parseAuth(body: unknown): AuthAnswer {
  const auth = check(authSchema, body, 'who the key belongs to');
  return {
    team: auth.team?.name ?? auth.team?.slug ?? '',
    teamSlug: auth.team?.slug ?? '',
    environment: auth.environment?.name ?? auth.environment?.slug ?? '',
    access: Object.fromEntries(
      Object.entries(auth.api_key_access ?? {}).map(([name, allowed]) => [name, allowed === true]),
    ),
  };
}

export function parseDatasets(body: unknown): Dataset[] {
  return check(z.array(datasetSchema), body, 'the datasets').map((dataset) => ({
    name: dataset.name,
    slug: dataset.slug ?? dataset.name,
    lastWrittenAt: epochMs(dataset.last_written_at),
  }));
}

export function parseColumns(body: unknown): Column[] {
  return check(z.array(columnSchema), body, 'the columns').map((column) => ({
    name: column.key_name,
    type: column.type,
    ...(column.description ? { description: column.description } : {}),
  }));
}

/** Role → column name, for the roles that the dataset defines. */
export function parseDefinitions(body: unknown): ReadonlyMap<string, string> {
  const roles = new Map<string, string>();
  for (const [role, value] of Object.entries(check(definitionsSchema, body, 'the dataset definitions'))) {
    const name = typeof value === 'string' ? value : value?.name;
    if (name) roles.set(role, name);
  }
  return roles;
}

export function parseMarkers(body: unknown): Marker[] {
  return check(z.array(markerSchema), body, 'the markers').flatMap((marker) => {
    if (marker.start_time == null) return [];
    const url = safeUrl(marker.url);
    return [
      {
        time: marker.start_time * 1000,
        ...(marker.end_time != null && { endTime: marker.end_time * 1000 }),
        message: marker.message ?? '',
        type: marker.type ?? '',
        ...(url !== undefined && { url }),
      },
    ];
  });
}

export function parseQueryId(body: unknown): string {
  return check(z.object({ id: z.string().min(1).max(200) }), body, 'the query').id;
}

export function parseResult(body: unknown): ResultAnswer {
  const result = check(resultSchema, body, 'the query result');
  return {
    id: result.id,
    complete: result.complete === true,
    rows: result.data?.results ?? [],
    series: (result.data?.series ?? []).flatMap((point) => {
      const at = epochMs(point.time);
      return at === null ? [] : [{ time: at, data: point.data }];
    }),
    url: safeUrl(result.links?.query_url),
  };
}

/** The wire's form of a query: times in whole seconds that cover the window asked for. */
export function toWire(spec: QuerySpec, window: { readonly start: number; readonly end: number }): object {
  return { ...spec, start_time: Math.floor(window.start / 1000), end_time: Math.ceil(window.end / 1000) };
}

/** Epoch milliseconds of a time on the wire: seconds, milliseconds (beyond the year 5000 in seconds), or text. */
function epochMs(value: number | string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return value > 1e11 ? value : value * 1000;
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value.replace(' ', 'T')}Z`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? null : ms;
}

/** Only what a person may safely click: https, or http on this machine. */
function safeUrl(value: string | null | undefined): string | undefined {
  if (!value) return undefined;
  try {
    const url = new URL(value);
    const loopback = url.protocol === 'http:' && isLoopback(url.hostname);
    return url.protocol === 'https:' || loopback ? url.href : undefined;
  } catch {
    return undefined;
  }
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function check<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Problem(
    'internal',
    `The store's answer about ${what} does not have the shape of Honeycomb's API (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}).`,
    'Check that the address is that of Honeycomb or of a Plumbline collector.',
  );
}
