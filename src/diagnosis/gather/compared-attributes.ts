import type { Column } from '../../telemetry/query.ts';
import type { Attributes } from './attributes.ts';

/** How many values a column is known to have among the spans of one operation. */
export type DistinctValues = ReadonlyMap<string, number>;

/** Each costs a distinct count in the first question, in each point of its series. */
const MOST_CANDIDATES = 10;
const MOST_CHOSEN = 6;
/** More values than this are an identity, and fewer than two the same for all. */
const MOST_VALUES = 12;
const LEAST_VALUES = 2;
/** Groups that the comparison may add to a question that is cut at 10,000 rows. */
const MOST_GROUPS = 1_000;
const HALVES = 2;
/** Only plain names become part of a calculated field's name. */
const PLAIN_NAME = /^[\w./-]{1,100}$/;

/** Conventions whose values are known to tell requests apart, the most telling first (OpenTelemetry semantic conventions). */
const TELLING = [
  'error.type',
  'exception.type',
  'http.route',
  'http.request.method',
  'http.method',
  'http.response.status_code',
  'http.status_code',
  'gen_ai.request.model',
  'gen_ai.response.model',
  'gen_ai.operation.name',
  'rpc.method',
  'rpc.grpc.status_code',
  'graphql.operation.name',
  'messaging.destination.name',
  'db.operation.name',
  'db.collection.name',
];
/** Set on some requests alone: a single value is told apart from none. */
const SET_AT_TIMES = new Set(['error.type', 'exception.type']);
/** Words in users' own names by which requests are commonly told apart. */
const DISTINGUISHING =
  /(?:^|[._/-])(?:tenant|customer|account|org|plan|tier|region|zone|country|locale|language|platform|device|browser|channel|variant|experiment|flag|feature|feature_flag|version|build|release|shard|partition|queue|cache|mode|kind|type)(?=[._/-]|$)/i;
/** What users' own attributes commonly begin with. */
const OWN = /^app[._/-]/i;
/** Where a span came from and how it was recorded: told by the instance, its version and the engine's own columns. */
const RECORDED =
  /^(?:trace|meta|span|library|telemetry|otel|process|os|host|container|k8s|aws|gcp|azure|cloud|faas|service|deployment|net|network|server|client|peer|thread|code|url|plumbline|root|parent|child|any|none)\./;
const RECORDED_NAMES = new Set([
  'type',
  'status',
  'status_code',
  'status_message',
  'sampleRate',
  'SampleRate',
  'is_root',
]);
const IDENTITY = /(?:^|[._/-])(?:id|ids|uuid|guid|arn|hash|key|token|session|user|email)$/i;
const OPEN_ENDED =
  /(?:^|[._/-])(?:timestamp|time|date|duration|elapsed|latency|ms|ns|us|seconds|url|uri|path|target|query|address|ip|port|agent|user_agent|statement|message|text|body|stack|stacktrace|title|description|tokens|rows|bytes|length)$/i;

/**
 * Columns by whose values slow requests may be told apart from others, the most telling first: text, truth values and
 * whole numbers, without ids, times, addresses, and what the questions ask for anyway.
 */
export function candidateColumns(columns: readonly Column[], attributes: Attributes): readonly string[] {
  const asked = new Set(Object.values(attributes).flat());
  return columns
    .filter(({ name, type }) => type !== 'float' && !asked.has(name) && canTell(name))
    .map(({ name }) => ({ name, tier: tierOf(name) }))
    .sort((a, b) => a.tier - b.tier || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_CANDIDATES)
    .map(({ name }) => name);
}

/** Greedy: the most telling that still fit, so that the question stays far from being cut. */
export function chooseColumns(
  candidates: readonly string[],
  distinct: DistinctValues,
  instances: number,
): readonly string[] {
  let groups = HALVES * Math.max(1, instances);
  const chosen: string[] = [];
  for (const column of candidates) {
    const values = distinct.get(column) ?? 0;
    if (values > MOST_VALUES || values < (SET_AT_TIMES.has(column) ? 1 : LEAST_VALUES)) continue;
    const more = groups * Math.max(values, LEAST_VALUES);
    if (more > MOST_GROUPS) continue;
    groups = more;
    chosen.push(column);
    if (chosen.length === MOST_CHOSEN) break;
  }
  return chosen;
}

function canTell(name: string): boolean {
  if (TELLING.includes(name)) return true;
  if (!PLAIN_NAME.test(name) || RECORDED_NAMES.has(name) || RECORDED.test(name)) return false;
  if (OPEN_ENDED.test(name)) return false;
  // A tenant's id is a tenant; a request's is only itself.
  return !IDENTITY.test(name) || DISTINGUISHING.test(name.replace(IDENTITY, ''));
}

function tierOf(name: string): number {
  const known = TELLING.indexOf(name);
  if (known >= 0) return known;
  if (DISTINGUISHING.test(name)) return TELLING.length;
  return TELLING.length + (OWN.test(name) ? 1 : 2);
}
