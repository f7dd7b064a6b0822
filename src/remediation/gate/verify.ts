import type { QuerySpec, Row, TelemetryStore } from '../../telemetry/query.ts';
import type { LatencySummary, Verification } from '../proposal.ts';
import type { Clock } from './ports.ts';
import { ENOUGH, judge, QUANTILES, type Side } from './verdict.ts';

export interface VerifyRequest {
  readonly store: TelemetryStore;
  readonly dataset: string;
  readonly service: string;
  readonly operation: string | undefined;
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
const WAIT_MS = 1_000;
/** Exporters send in batches and stores index: what happened just now is not there yet. */
const INGEST_MS = 5_000;
/** A window with too few spans is waited for longer, up to this many times its length. */
const MAX_EXTENSIONS = 3;

/**
 * Compares the latency before the update with that after the rollout, the time between left out, in one query a look.
 * Waits until the window after the deployment is full, and longer where it holds too few spans.
 */
export async function verifyDeployment(request: VerifyRequest): Promise<Verification> {
  const length = Math.max(1, request.windowSeconds) * 1000;
  // The store counts in whole seconds: both sides give up the second in which they end or begin.
  const before = { start: 0, end: Math.floor(request.updateStartedAt / 1000) * 1000 };
  before.start = before.end - length;
  const start = Math.ceil(request.deployedAt / 1000) * 1000;
  let extensions = 0;
  for (;;) {
    const after = { start, end: start + length * (extensions + 1) };
    await waitUntil(request, after.end + INGEST_MS, after.start);
    request.onProgress('Comparing latency before and after', null);
    const answer = await request.store.run(
      request.dataset,
      comparison(request, before.end, after.start),
      { start: before.start, end: after.end },
      { signal: request.signal },
    );
    const sides = {
      before: sideOf(answer.rows, 'before', length / 1000),
      after: sideOf(answer.rows, 'after', (after.end - after.start) / 1000),
    };
    if ((sides.after?.summary.count ?? 0) < ENOUGH && extensions + 1 < MAX_EXTENSIONS) {
      extensions += 1;
      continue;
    }
    const { verdict, sameLoad, notes } = judge(sides.before, sides.after);
    return {
      verdict,
      before: sides.before?.summary ?? null,
      after: sides.after?.summary ?? null,
      deployedAt: request.deployedAt,
      windowSeconds: request.windowSeconds,
      sameLoad,
      notes: [
        `${request.operation ?? 'Requests'} of ${request.service}: ${request.windowSeconds} s before the update began against ${Math.round((after.end - after.start) / 1000)} s after the rollout was complete; the time between is left out.`,
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

function comparison(request: VerifyRequest, beforeEnd: number, afterStart: number): QuerySpec {
  const seconds = (time: number) => Math.round(time / 1000);
  return {
    calculated_fields: [
      {
        name: SIDE,
        expression: `IF(LT(EVENT_TIMESTAMP(), ${seconds(beforeEnd)}), "before", IF(GTE(EVENT_TIMESTAMP(), ${seconds(afterStart)}), "after", "between"))`,
      },
      { name: FAILED, expression: 'IF(EQUALS($error, true), 1, 0)' },
    ],
    breakdowns: [SIDE],
    calculations: [
      { op: 'COUNT' },
      { op: 'SUM', column: FAILED, name: 'errors' },
      ...QUANTILES.map(({ op }) => ({ op, column: 'duration_ms' })),
    ],
    filters: [
      { column: 'service.name', op: '=', value: request.service },
      request.operation === undefined
        ? { column: 'trace.parent_id', op: 'does-not-exist' }
        : { column: 'name', op: '=', value: request.operation },
      { column: 'trace.span_id', op: 'exists' },
      { column: 'meta.annotation_type', op: 'does-not-exist' },
    ],
    limit: 10,
  };
}

function sideOf(rows: readonly Row[], side: 'before' | 'after', seconds: number): Side | null {
  const row = rows.find((one) => one[SIDE] === side);
  const count = row ? number(row['COUNT']) : 0;
  if (!row || count === 0) return null;
  const value = (op: string) => number(row[`${op}(duration_ms)`]);
  const summary: LatencySummary = {
    p50: value('P50'),
    p95: value('P95'),
    p99: value('P99'),
    count,
    errors: number(row['errors']),
    rate: count / seconds,
  };
  return { summary, quantiles: QUANTILES.map(({ op, at }) => ({ at, value: value(op) })) };
}

function number(cell: Row[string] | undefined): number {
  return typeof cell === 'number' && Number.isFinite(cell) ? cell : 0;
}
