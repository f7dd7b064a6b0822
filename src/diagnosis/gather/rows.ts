import type { RuntimeIdentity } from '../../infrastructure/workloads.ts';
import type { Cell, QueryAnswer, Row } from '../../telemetry/query.ts';
import { groupBy } from '../reason/grouping.ts';
import type { Attributes } from './attributes.ts';
import type {
  Answered,
  CallRow,
  EntryPoint,
  EntrySeries,
  Exemplar,
  InstanceRow,
  LatencyStatistics,
  QueryRecord,
  WindowName,
} from './gathered.ts';
import { pool } from './pool.ts';
import { FIELD, parentDuration } from './queries.ts';

/** Names longer than this are cut: they are untrusted, and end up in sentences and trees. */
const LONGEST_NAME = 300;

export function readEntries(answer: QueryAnswer, attributes: Attributes): Answered<EntrySeries> {
  const series = groupBy(answer.series, ({ data }) => keyOf(data, attributes));
  return {
    rows: answer.rows.map((row) => ({
      service: text(row[attributes.service]) ?? '',
      operation: text(row[attributes.name]) ?? '',
      total: statisticsOf(row, attributes),
      points: (series.get(keyOf(row, attributes)) ?? []).map(
        ({ time, data }): EntryPoint => ({ time, ...statisticsOf(data, attributes) }),
      ),
    })),
    query: recordOf(answer),
  };
}

export function readCalls(answer: QueryAnswer, attributes: Attributes): Answered<CallRow> {
  const rows = answer.rows.flatMap((row): CallRow[] => {
    const window = windowOf(row);
    const service = text(row[attributes.service]);
    const operation = text(row[attributes.name]);
    if (window === null || service === null || operation === null) return [];
    return [
      {
        window,
        service,
        operation,
        parentService: text(row[`parent.${attributes.service}`]),
        parentOperation: text(row[`parent.${attributes.name}`]),
        spanKind: attributes.spanKind === null ? null : text(row[attributes.spanKind]),
        peer: text(row[FIELD.peer]),
        address: text(row[FIELD.address]),
        totalMs: number(row[`SUM(${attributes.duration})`]),
        p10: number(row[`P10(${attributes.duration})`]),
        parent: parentOf(row, attributes),
        ...statisticsOf(row, attributes),
      },
    ];
  });
  return { rows, query: recordOf(answer) };
}

export interface ReadInstances {
  readonly instances: Answered<InstanceRow>;
  /** One per service, from the rows that hold most of the incident's spans. */
  readonly identities: readonly RuntimeIdentity[];
}

/** `threshold`: milliseconds above which requests were told apart as slow; null where none were. */
export function readInstances(
  answer: QueryAnswer,
  attributes: Attributes,
  threshold: number | null,
): ReadInstances {
  const rows: InstanceRow[] = [];
  const identities = new Map<string, RuntimeIdentity & { readonly count: number }>();
  const pick = (row: Row, column: string | null): string | null =>
    column === null ? null : text(row[column]);
  for (const group of withoutComparison(answer.rows, attributes)) {
    const [row] = group;
    const window = row === undefined ? null : windowOf(row);
    const service = text(row?.[attributes.service]);
    if (row === undefined || window === null || service === null) continue;
    const statistics = pool(
      group.map((one) => ({
        ...statisticsOf(one, attributes),
        ...(threshold !== null && isSlow(one) ? { above: threshold } : {}),
      })),
    );
    const kind = pick(row, attributes.spanKind);
    // Requests that came in can be compared between copies; inner spans differ by what they are.
    if (kind === null || kind === 'server' || kind === 'consumer') {
      rows.push({
        window,
        service,
        instance: text(row[FIELD.instance]),
        version: pick(row, attributes.version),
        revision: pick(row, attributes.revision),
        ...statistics,
      });
    }
    const known = identities.get(service);
    const weight = window === 'incident' ? statistics.count + 1e9 : statistics.count;
    if (known !== undefined && known.count >= weight) continue;
    identities.set(service, {
      service,
      count: weight,
      clusterArn: pick(row, attributes.clusterArn),
      taskArn: null,
      taskFamily: pick(row, attributes.taskFamily),
      ecsService: pick(row, attributes.ecsService),
      launchType: pick(row, attributes.launchType),
      region: pick(row, attributes.region),
    });
  }
  return {
    instances: { rows, query: recordOf(answer) },
    identities: [...identities.values()]
      .map(({ count: _, ...identity }) => identity)
      .sort((a, b) => (a.service < b.service ? -1 : 1)),
  };
}

/** Rows that differ by nothing but what the symptom's requests are compared by. */
function withoutComparison(rows: readonly Row[], attributes: Attributes): Iterable<readonly Row[]> {
  const { service, spanKind, version, revision, taskFamily, ecsService, clusterArn, launchType, region } =
    attributes;
  const kept = [
    ...[FIELD.window, service, FIELD.instance],
    ...[spanKind, version, revision, taskFamily, ecsService, clusterArn, launchType, region],
  ].filter((column) => column !== null);
  return groupBy(rows, (row) => JSON.stringify(kept.map((column) => row[column] ?? null))).values();
}

export function readExemplars(answer: QueryAnswer, attributes: Attributes): Answered<Exemplar> {
  const rows = answer.rows.flatMap((row): Exemplar[] => {
    const traceId = attributes.traceId === null ? null : text(row[attributes.traceId]);
    return traceId === null ? [] : [{ traceId, durationMs: number(row[`MAX(${attributes.duration})`]) }];
  });
  // Three of many is what was asked for: nothing is missing.
  return { rows, query: { ...recordOf(answer), truncated: false } };
}

export function recordOf(answer: QueryAnswer): QueryRecord {
  return {
    spec: answer.spec,
    window: answer.window,
    ...(answer.url === undefined ? {} : { url: answer.url }),
    truncated: answer.truncated,
  };
}

function statisticsOf(row: Row, attributes: Attributes): LatencyStatistics {
  return {
    count: number(row['COUNT']),
    errors: number(row[`SUM(${FIELD.failed})`]),
    p50: number(row[`P50(${attributes.duration})`]),
    p95: number(row[`P95(${attributes.duration})`]),
    p99: number(row[`P99(${attributes.duration})`]),
  };
}

/** Null for spans that are not compared. Truth values come as such, or as text. */
export function isSlow(row: Row): boolean | null {
  const value = row[FIELD.slow];
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : null;
}

function parentOf(row: Row, attributes: Attributes): CallRow['parent'] {
  const [totalMs, p10, p50] = ['SUM', 'P10', 'P50'].map((op) => row[`${op}(${parentDuration(attributes)})`]);
  return typeof totalMs === 'number' && typeof p10 === 'number' && typeof p50 === 'number'
    ? { totalMs, p10, p50 }
    : null;
}

function keyOf(row: Row, attributes: Attributes): string {
  return JSON.stringify([text(row[attributes.service]), text(row[attributes.name])]);
}

function windowOf(row: Row): WindowName | null {
  const value = row[FIELD.window];
  return typeof value === 'string' && isWindowName(value) ? value : null;
}

function isWindowName(value: string): value is WindowName {
  return value === 'incident' || /^baseline-\d$/.test(value);
}

export function number(cell: Cell | undefined): number {
  const value = typeof cell === 'string' ? Number(cell) : cell;
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, value) : 0;
}

export function text(cell: Cell | undefined): string | null {
  if (cell === null || cell === undefined || cell === '') return null;
  return String(cell).slice(0, LONGEST_NAME);
}
