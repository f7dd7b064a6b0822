import { type Attributes, findAttributes } from '../../diagnosis/gather/attributes.ts';
import type { QuerySpec, Row, TelemetryStore, TimeWindow } from '../../telemetry/query.ts';
import type { LatencySummary, Verification } from '../proposal.ts';
import type { Clock } from './ports.ts';
import { ENOUGH, judge, QUANTILES, type Side } from './verdict.ts';

export interface VerifyRequest {
  readonly store: TelemetryStore;
  readonly dataset: string;
  readonly service: string;
  readonly operation: string | undefined;
  /** P95 in the incident for which the change was proposed, milliseconds; null where it is not known. */
  readonly p95WhenProposed: number | null;
  /** Epoch milliseconds: from here on the service was mixed… */
  readonly updateStartedAt: number;
  /** …up to here. */
  readonly deployedAt: number;
  readonly windowSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (words: string, fraction: number | null) => void;
}

const SIDE = 'plumbline.side';
const FAILED = 'plumbline.failed';
const ENTRANCE = 'plumbline.entrance';
const WAIT_MS = 1_000;
/** Exporters send in batches and stores index: what happened just now is not there yet. */
const INGEST_MS = 5_000;
/** A window with too few spans is waited for longer, up to this many times its length. */
const MAX_EXTENSIONS = 3;

/**
 * Compares the latency before the update with that after the rollout, the time between left out. Waits until the window
 * after the deployment is full and its slow requests have ended, and longer where it holds too few spans.
 */
export async function verifyDeployment(request: VerifyRequest): Promise<Verification> {
  const length = Math.max(1, request.windowSeconds) * 1000;
  // The store counts in whole seconds: both sides give up the second in which they end or begin.
  const end = Math.floor(request.updateStartedAt / 1000) * 1000;
  const before = { start: end - length, end };
  const start = Math.ceil(request.deployedAt / 1000) * 1000;
  const { attributes } = await findAttributes(request.store, request.dataset, request.signal);
  const columns = requestColumns(attributes);
  const compare = async (after: TimeWindow) => {
    const answer = await request.store.run(
      request.dataset,
      comparison(request, columns, before, after),
      { start: before.start, end: after.end },
      { signal: request.signal },
    );
    return {
      before: sideOf(answer.rows, columns, 'before', before),
      after: sideOf(answer.rows, columns, 'after', after),
    };
  };
  // A span arrives when it ends. Reading before the slowest have ended would leave out just those, after but not before.
  const slowest = (await compare({ start, end: start })).before?.quantiles.at(-1)?.value ?? 0;
  const settling = INGEST_MS + Math.min(Math.max(0, slowest), length);
  for (let extensions = 0; ; extensions += 1) {
    const after = { start, end: start + length * (extensions + 1) };
    await waitUntil(request, after.end + settling, after.start);
    request.onProgress('Comparing latency before and after', null);
    const sides = await compare(after);
    if ((sides.after?.summary.count ?? 0) < ENOUGH && extensions + 1 < MAX_EXTENSIONS) continue;
    const { verdict, sameLoad, notes } = judge(sides.before, sides.after, request.p95WhenProposed);
    return {
      verdict,
      before: sides.before?.summary ?? null,
      after: sides.after?.summary ?? null,
      deployedAt: request.deployedAt,
      windowSeconds: request.windowSeconds,
      sameLoad,
      notes: [
        `${request.operation ?? 'Requests'} of ${request.service}: ${request.windowSeconds} s before the update began against ${Math.round((after.end - after.start) / 1000)} s after the rollout was complete; the time between is left out.`,
        ...(columns.error === null ? ['The store has no column of errors: they are not compared.'] : []),
        ...notes,
      ],
    };
  }
}

async function waitUntil(request: VerifyRequest, end: number, start: number): Promise<void> {
  for (let now = request.clock.now(); now < end; now = request.clock.now()) {
    const left = Math.ceil((end - now) / 1000);
    request.onProgress(
      `Collecting telemetry after the deployment: ${left} s to go`,
      Math.min(1, Math.max(0, (now - start) / (end - start))),
    );
    await request.clock.sleep(Math.min(WAIT_MS, end - now), request.signal);
  }
  request.signal.throwIfAborted();
}

function requestColumns({ duration, service, name, parentId, error, annotationType, spanKind }: Attributes) {
  return { duration, service, name, parentId, error, annotationType, spanKind };
}
type RequestColumns = ReturnType<typeof requestColumns>;

function comparison(
  request: VerifyRequest,
  columns: RequestColumns,
  before: TimeWindow,
  after: TimeWindow,
): QuerySpec {
  // Bounds are spelled out, as a store may widen the time that it was asked for.
  const within = ({ start, end }: TimeWindow) =>
    `AND(GTE(EVENT_TIMESTAMP(), ${start / 1000}), LT(EVENT_TIMESTAMP(), ${end / 1000}))`;
  const entrance = request.operation === undefined ? entranceExpression(columns) : null;
  const { error, annotationType } = columns;
  return {
    calculated_fields: [
      {
        name: SIDE,
        expression: `IF(${within(before)}, "before", IF(${within(after)}, "after", "outside"))`,
      },
      ...(error === null
        ? []
        : [{ name: FAILED, expression: `IF(EQUALS(${reference(error)}, true), 1, 0)` }]),
      ...(entrance === null ? [] : [{ name: ENTRANCE, expression: `IF(${entrance}, 1, 0)` }]),
    ],
    breakdowns: [SIDE],
    calculations: [
      { op: 'COUNT' },
      ...(error === null ? [] : [{ op: 'SUM', column: FAILED, name: 'errors' } as const]),
      ...QUANTILES.map(({ op }) => ({ op, column: columns.duration })),
    ],
    filters: [
      { column: columns.service, op: '=', value: request.service },
      ...(request.operation === undefined
        ? []
        : [{ column: columns.name, op: '=', value: request.operation } as const]),
      ...(entrance === null ? [] : [{ column: ENTRANCE, op: '=', value: 1 } as const]),
      { column: columns.duration, op: 'exists' },
      ...(annotationType === null ? [] : [{ column: annotationType, op: 'does-not-exist' } as const]),
    ],
    limit: 10,
  };
}

/** What comes into a service from outside of it: where a trace begins, and what it serves to others. Null where no column tells. */
function entranceExpression({ parentId, spanKind }: RequestColumns): string | null {
  const ways = [
    ...(parentId === null ? [] : [`NOT(EXISTS(${reference(parentId)}))`]),
    ...(spanKind === null ? [] : [`IN(${reference(spanKind)}, "server", "consumer")`]),
  ];
  return ways.length === 0 ? null : ways.length === 1 ? (ways[0] ?? null) : `OR(${ways.join(', ')})`;
}

/** Column names come from the data: quoted, so that no name can become part of the expression. */
function reference(column: string): string {
  return `$"${column.replace(/["\\]/g, (character) => `\\${character}`)}"`;
}

function sideOf(
  rows: readonly Row[],
  { duration }: RequestColumns,
  side: 'before' | 'after',
  { start, end }: TimeWindow,
): Side | null {
  const row = rows.find((one) => one[SIDE] === side);
  const count = row ? number(row['COUNT']) : 0;
  if (!row || count === 0) return null;
  const value = (op: string) => number(row[`${op}(${duration})`]);
  const summary: LatencySummary = {
    p50: value('P50'),
    p95: value('P95'),
    p99: value('P99'),
    count,
    errors: number(row['errors']),
    rate: count / ((end - start) / 1000),
  };
  return { summary, quantiles: QUANTILES.map(({ op, at }) => ({ at, value: value(op) })) };
}

function number(cell: Row[string] | undefined): number {
  return typeof cell === 'number' && Number.isFinite(cell) ? cell : 0;
}
