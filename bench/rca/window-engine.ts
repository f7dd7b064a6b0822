import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import { type CallAggregate, INCIDENT } from '../../src/diagnosis/reason/places/calls.ts';
import { type CpuUse, cpuUse } from '../../src/diagnosis/reason/places/cpu-use.ts';
import { reasonFromTraces } from '../../src/diagnosis/reason/places/culprits.ts';
import { reasonFromMap } from '../../src/diagnosis/reason/service-map/service-map.ts';
import { ALL_DATASETS, type QuerySpec, type Row, type TelemetryStore } from '../../src/telemetry/query.ts';
import type { CaseInput, MetricPoint, RcaEngine } from './engine.ts';
import type { RcaCase } from './layout.ts';

const WINDOW = 'plumbline.window';
const OUTSIDE = 'outside';
/**
 * The caller's side of the same call. The local store computes over parents; Honeycomb groups and filters by them
 * alone, and there the called address among a client span's attributes tells the ways apart.
 */
const PARENT_DURATION = 'parent.duration_ms';
const MOST_ROWS = 10_000;
/** A point may be stamped at either end of the minute that it speaks of. */
const STAMP = 60;

/** Reasons over the windows that a case names: one query over all of them, and its metrics. */
export const windowEngine: RcaEngine = {
  name: 'plumbline',
  async answer(input: CaseInput, signal: AbortSignal): Promise<Answer> {
    const { case: one, map } = input;
    if (input.spans !== null && one.incident && one.baseline && one.baseline.length > 0) {
      return reasonFromTraces(await readCalls(input.spans, one, signal), readCpu(one, input.metrics));
    }
    const node = one.symptom?.node;
    if (map === null || !node) return { verdict: 'undetermined', ranking: [] };
    const measure = one.symptom?.metric === 'availability' ? 'availability' : 'latency';
    return reasonFromMap({
      node,
      measure,
      reading: `${measure}:${one.symptom?.statistic ?? 'Average'}`,
      requests: 'requests:Sum',
      ...map,
    });
  },
};

/** The one result that both the engine and the baselines rest on: every operation by caller and window. */
export async function readCalls(
  store: TelemetryStore,
  one: RcaCase,
  signal: AbortSignal,
): Promise<readonly CallAggregate[]> {
  const windows = [...(one.incident ? [one.incident] : []), ...(one.baseline ?? [])];
  const window = {
    start: Math.min(...windows.map(([start]) => start)) * 1000,
    end: Math.max(...windows.map(([, end]) => end)) * 1000,
  };
  const { rows } = await store.run(ALL_DATASETS, callsByWindow(one), window, { signal });
  return rows.filter((row) => row[WINDOW] !== OUTSIDE).map(toAggregate);
}

function callsByWindow(one: RcaCase): QuerySpec {
  const within = (start: number, end: number): string =>
    `AND(GTE(EVENT_TIMESTAMP(), ${start}), LT(EVENT_TIMESTAMP(), ${end}))`;
  const named = [
    ...(one.incident ? [[one.incident, INCIDENT] as const] : []),
    ...(one.baseline ?? []).map((window, index) => [window, `baseline-${index}`] as const),
  ];
  const expression = named.reduceRight(
    (otherwise, [[start, end], name]) => `IF(${within(start, end)}, "${name}", ${otherwise})`,
    `"${OUTSIDE}"`,
  );
  return {
    breakdowns: [WINDOW, 'service.name', 'name', 'parent.service.name', 'parent.name'],
    calculations: [
      { op: 'COUNT' },
      { op: 'SUM', column: 'duration_ms' },
      { op: 'P10', column: 'duration_ms' },
      { op: 'P50', column: 'duration_ms' },
      { op: 'P95', column: 'duration_ms' },
      { op: 'SUM', column: PARENT_DURATION },
      { op: 'P10', column: PARENT_DURATION },
      { op: 'P50', column: PARENT_DURATION },
    ],
    filters: [
      { column: 'duration_ms', op: 'exists' },
      { column: WINDOW, op: '!=', value: OUTSIDE },
    ],
    orders: [{ op: 'SUM', column: 'duration_ms', order: 'descending' }],
    limit: MOST_ROWS,
    calculated_fields: [{ name: WINDOW, expression }],
  };
}

function toAggregate(row: Row): CallAggregate {
  const text = (name: string): string | null => {
    const value = row[name];
    return value === null || value === undefined ? null : String(value);
  };
  const number = (name: string): number => Number(row[name] ?? Number.NaN);
  return {
    window: text(WINDOW) ?? OUTSIDE,
    service: text('service.name') ?? '',
    operation: text('name') ?? '',
    parentService: text('parent.service.name'),
    parentOperation: text('parent.name'),
    count: number('COUNT'),
    totalMs: number('SUM(duration_ms)'),
    p10: number('P10(duration_ms)'),
    p50: number('P50(duration_ms)'),
    p95: number('P95(duration_ms)'),
    parent: parentOf(row),
  };
}

function parentOf(row: Row): CallAggregate['parent'] {
  const [totalMs, p10, p50] = ['SUM', 'P10', 'P50'].map((op) => row[`${op}(${PARENT_DURATION})`]);
  return typeof totalMs === 'number' && typeof p10 === 'number' && typeof p50 === 'number'
    ? { totalMs, p10, p50 }
    : null;
}

/** CPU by service in per cent of what it may use; of several instances the one that rose most. */
export function readCpu(one: RcaCase, points: readonly MetricPoint[]): ReadonlyMap<string, CpuUse> {
  const byInstance = new Map<string, { service: string; now: number[]; before: number[] }>();
  const cpu = points.filter((point) => /^cpu/i.test(point.metric));
  const scale = cpu.some((point) => point.value > 1.5) ? 1 : 100;
  for (const point of cpu) {
    const key = JSON.stringify([point.service, point.instance, point.metric]);
    const known = byInstance.get(key) ?? { service: point.service, now: [], before: [] };
    byInstance.set(key, known);
    const { incident, baseline } = one;
    if (incident && point.time >= incident[0] && point.time < incident[1] + STAMP)
      known.now.push(point.value * scale);
    if (baseline?.some(([start, end]) => point.time >= start && point.time < end))
      known.before.push(point.value * scale);
  }
  const uses = new Map<string, CpuUse>();
  for (const { service, now, before } of byInstance.values()) {
    const use = cpuUse(now, before);
    const known = uses.get(service);
    if (use !== null && (known === undefined || use.now - use.before > known.now - known.before))
      uses.set(service, use);
  }
  return uses;
}
