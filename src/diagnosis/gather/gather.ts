import type { MetricsSource, StackSource } from '../../infrastructure/model.ts';
import { joinWorkloads } from '../../infrastructure/workloads.ts';
import { Problem, toProblem } from '../../problem.ts';
import {
  ALL_DATASETS,
  type QueryAnswer,
  type QuerySpec,
  type TelemetryStore,
  type TimeWindow,
} from '../../telemetry/query.ts';
import type { Gap } from '../diagnosis.ts';
import { type ChosenSymptom, chooseSymptom, symptomBetween } from '../reason/symptom.ts';
import { hullOf } from '../reason/windows.ts';
import { type Attributes, findAttributes, shown } from './attributes.ts';
import { candidateColumns } from './compared-attributes.ts';
import { distinctValues, readComparison, slowRequests } from './comparison.ts';
import type { Answered, EntrySeries, Gathered, SymptomOperation, Windows } from './gathered.ts';
import { gatherMetrics, type ServiceMetrics } from './metrics.ts';
import { callsQuery, entriesQuery, exemplarsQuery, granularityFor, instancesQuery } from './queries.ts';
import { readCalls, readEntries, readExemplars, readInstances } from './rows.ts';
import { endpointsOf, gatherStacks } from './stacks.ts';

export interface DiagnosisRequest {
  /** How far to look back from now, minutes. */
  readonly lookbackMinutes: number;
  /** Limits the question to one service, and to one of its operations. */
  readonly service?: string;
  readonly operation?: string;
  /** When it was slow and when it was not, where that is known: nothing is searched for then, and the look-back is theirs. */
  readonly windows?: { readonly incident: TimeWindow; readonly baselines: readonly TimeWindow[] };
}

export interface DiagnosisPorts {
  readonly telemetry: TelemetryStore;
  readonly metrics: MetricsSource | ServiceMetrics | null;
  readonly stacks: StackSource | null;
  /** Epoch milliseconds: time comes in as a value. */
  readonly now: number;
  /** Slug of a dataset; default all of the environment. */
  readonly dataset?: string;
}

export type Progress = (label: string, fraction: number | null) => void;

const MINUTE = 60_000;
const LONGEST_LOOKBACK_MINUTES = 7 * 24 * 60;

/**
 * Reads what a diagnosis rests on: at most four query results, one batch of metrics, the stacks and their updates.
 * What can't be read becomes a gap. Throws a Problem: `bad-input`, `empty` (nothing there to diagnose), `cancelled`,
 * or what the telemetry store threw at the first question.
 */
export async function gather(
  request: DiagnosisRequest,
  ports: DiagnosisPorts,
  signal: AbortSignal,
  onProgress: Progress = () => {},
): Promise<Gathered> {
  const lookback = lookbackOf(request, ports.now);
  const { telemetry } = ports;
  const dataset = ports.dataset ?? ALL_DATASETS;
  const before = telemetry.requests;
  signal.throwIfAborted();

  onProgress('Reading columns', 0.05);
  const stacks = gatherStacks(ports.stacks, signal);
  // Awaited further down; a cancellation before that must not count as unhandled.
  stacks.catch(() => {});
  const { attributes, columns, gaps: attributeGaps } = await findAttributes(telemetry, dataset, signal);
  const candidates = candidateColumns(columns, attributes);

  onProgress('Latency over time', 0.15);
  const { answer, entries, isRoot, asked, granularity } = await readEntrances(
    request,
    ports,
    dataset,
    attributes,
    candidates,
    lookback,
    signal,
  );
  const chosen: ChosenSymptom | null =
    request.windows === undefined
      ? chooseSymptom(entries.rows, granularity * 1000, lookback)
      : symptomBetween(entries.rows, granularity * 1000, request.windows);
  if (chosen === null) throw nothingThere(telemetry, dataset, request, lookback);
  const symptom: SymptomOperation = {
    service: chosen.entry.service,
    operation: chosen.entry.operation,
    isRoot,
  };
  const windows = within(lookback, chosen.windows);
  // Where one entrance became slow, its requests are what to look at; elsewhere the slow path may be a rare one of any.
  const scope = windows.origin === 'shift' || !isRoot ? 'symptom' : 'everything';

  onProgress('Where the time goes', 0.35);
  const compared = hullOf([windows.incident, ...windows.baselines]);
  const gaps: Gap[] = [...attributeGaps];
  const ask = async (what: string, spec: QuerySpec, window: TimeWindow): Promise<QueryAnswer | null> => {
    try {
      return await telemetry.run(dataset, spec, window, { signal });
    } catch (thrown) {
      signal.throwIfAborted();
      const { message, nextStep } = toProblem(thrown);
      gaps.push({ what, why: message, nextStep });
      return null;
    }
  };
  const slow = slowRequests(chosen, symptom, candidates, distinctValues(answer, attributes, symptom));
  const exemplarSpec = asked < 2 ? exemplarsQuery(attributes, symptom) : null;
  const [callAnswer, instanceAnswer, exemplarAnswer, stack, markers] = await Promise.all([
    ask(
      'Breakdown by operation',
      callsQuery(attributes, scope === 'symptom' ? symptom : null, windows, telemetry.computesOverParents),
      compared,
    ),
    ask('Instances', instancesQuery(attributes, windows, slow), compared),
    exemplarSpec === null ? null : ask('Slowest requests', exemplarSpec, windows.incident),
    stacks,
    readMarkers(telemetry, dataset, lookback, signal, gaps),
  ]);
  gaps.push(...stack.gaps);
  const calls = callAnswer === null ? null : readCalls(callAnswer, attributes);
  const instances =
    instanceAnswer === null ? null : readInstances(instanceAnswer, attributes, slow?.threshold ?? null);
  const comparison =
    instanceAnswer === null || slow === null ? null : readComparison(instanceAnswer, attributes, slow);
  for (const answer of [callAnswer, instanceAnswer]) if (answer?.truncated) gaps.push(cutGap(answer));
  if (instanceAnswer?.truncated) gaps.push(uncomparedGap());

  onProgress('What it runs on', 0.65);
  const services = new Set([symptom.service, ...(calls?.rows ?? []).map((row) => row.service)]);
  const identities = (instances?.identities ?? []).filter((one) => services.has(one.service));
  const joined = joinWorkloads(identities, stack.snapshots);
  gaps.push(
    ...joined.unjoined.map(({ service, why, nextStep }) => ({
      what: `Machine of ${service}`,
      why,
      nextStep,
    })),
  );

  onProgress('Machine metrics', 0.75);
  const measured = await gatherMetrics(
    ports.metrics,
    [...services].sort(),
    joined.locations,
    stack.snapshots,
    [windows.incident, ...windows.baselines],
    signal,
  );
  gaps.push(...measured.gaps);
  signal.throwIfAborted();
  return {
    now: ports.now,
    lookback,
    store: telemetry.name,
    dataset,
    granularitySeconds: granularity,
    symptom,
    scope,
    entries,
    windows,
    calls,
    instances: instances?.instances ?? null,
    exemplars: exemplarAnswer === null ? null : readExemplars(exemplarAnswer, attributes),
    comparison,
    workloads: joined.workloads,
    metrics: measured.metrics,
    endpoints: endpointsOf(stack.snapshots),
    updates: stack.updates,
    markers,
    gaps,
    requests: telemetry.requests - before,
  };
}

interface Entrances {
  readonly answer: QueryAnswer;
  readonly entries: Answered<EntrySeries>;
  readonly isRoot: boolean;
  /** Query results that it took. */
  readonly asked: number;
  /** Seconds in a point. */
  readonly granularity: number;
}

/** Telemetry that fills less than this part of the look-back is young: points made for all of it are too coarse. */
const YOUNG = 1 / 6;

/** Entry operations start traces; where a gateway in front keeps its spans to itself no trace has a start, and servers do. */
async function readEntrances(
  request: DiagnosisRequest,
  ports: DiagnosisPorts,
  dataset: string,
  attributes: Attributes,
  counted: readonly string[],
  lookback: TimeWindow,
  signal: AbortSignal,
): Promise<Entrances> {
  const run = async (
    entrance: 'root' | 'server',
    window: TimeWindow,
    granularity: number,
  ): Promise<Pick<Entrances, 'answer' | 'entries' | 'granularity'>> => {
    const spec = entriesQuery(attributes, request, granularity, entrance, counted);
    const answer = await ports.telemetry.run(dataset, spec, window, { signal, series: true });
    return { answer, entries: readEntries(answer, attributes), granularity };
  };
  const granularity = granularityFor(lookback);
  const roots = await run('root', lookback, granularity);
  // An operation that was asked for by name may run anywhere in a trace.
  const isRoot = request.operation === undefined;
  if (roots.entries.rows.length === 0) {
    if (!isRoot) return { ...roots, isRoot, asked: 1 };
    return { ...(await run('server', lookback, granularity)), isRoot: false, asked: 2 };
  }
  const from = Math.min(...roots.entries.rows.flatMap((row) => row.points.map((point) => point.time)));
  const young: TimeWindow = { start: Math.max(lookback.start, from), end: lookback.end };
  const finer = granularityFor(young);
  const isYoung = young.end - young.start < YOUNG * (lookback.end - lookback.start) && finer < granularity;
  if (request.windows !== undefined || !isYoung) return { ...roots, isRoot, asked: 1 };
  return { ...(await run('root', young, finer)), isRoot, asked: 2 };
}

function lookbackOf(request: DiagnosisRequest, now: number): TimeWindow {
  const { lookbackMinutes, windows } = request;
  if (windows !== undefined) {
    const all = [windows.incident, ...windows.baselines];
    if (all.every(({ start, end }) => Number.isFinite(start) && Number.isFinite(end) && start < end))
      return hullOf(all);
    throw new Problem(
      'bad-input',
      'A window ends before it begins.',
      'Give start and end of each window in epoch milliseconds, the start first.',
    );
  }
  if (
    !Number.isFinite(lookbackMinutes) ||
    lookbackMinutes <= 0 ||
    lookbackMinutes > LONGEST_LOOKBACK_MINUTES
  ) {
    throw new Problem(
      'bad-input',
      `${lookbackMinutes} minutes is no time to look back.`,
      `Give a number of minutes between 1 and ${LONGEST_LOOKBACK_MINUTES} (7 days).`,
    );
  }
  return { start: now - lookbackMinutes * MINUTE, end: now };
}

/** The last point of a series reaches beyond now. */
function within(lookback: TimeWindow, windows: Windows): Windows {
  const { incident } = windows;
  return { ...windows, incident: { start: incident.start, end: Math.min(incident.end, lookback.end) } };
}

async function readMarkers(
  telemetry: TelemetryStore,
  dataset: string,
  lookback: TimeWindow,
  signal: AbortSignal,
  gaps: Gap[],
): Promise<Gathered['markers']> {
  try {
    const markers = await telemetry.markers(dataset, signal);
    return markers
      .filter((marker) => marker.time >= lookback.start && marker.time <= lookback.end)
      .map((marker) => ({ time: marker.time, title: (marker.message || marker.type).slice(0, 200) }));
  } catch (thrown) {
    signal.throwIfAborted();
    const { message, nextStep } = toProblem(thrown);
    gaps.push({ what: 'Markers', why: message, nextStep });
    return [];
  }
}

function cutGap(answer: QueryAnswer): Gap {
  return {
    what: 'The rest of a breakdown',
    why: `The store cut it at ${answer.rows.length} rows; the smallest groups are missing.`,
    nextStep: 'Ask about one service, or a shorter time.',
  };
}

function uncomparedGap(): Gap {
  return {
    what: 'What the slow requests have in common',
    why: 'The answer was cut before the rarest groups of requests, which is where slow ones may well be.',
    nextStep: 'Ask about one service, or a shorter time.',
  };
}

function nothingThere(
  telemetry: TelemetryStore,
  dataset: string,
  request: DiagnosisRequest,
  lookback: TimeWindow,
): Problem {
  const of = [request.service, request.operation].filter((one) => one !== undefined).join(' ');
  return new Problem(
    'empty',
    `${telemetry.name}, ${shown(dataset)}: no requests${of === '' ? '' : ` of ${of}`} between ` +
      `${new Date(lookback.start).toISOString()} and ${new Date(lookback.end).toISOString()}.`,
    'Look back further, or check dataset, environment and service name in the settings.',
  );
}
