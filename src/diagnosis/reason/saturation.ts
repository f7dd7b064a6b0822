import type { TimeWindow } from '../../telemetry/query.ts';
import type { GatheredMetrics, MeasuredSeries, Windows } from '../gather/gathered.ts';
import { isPlausible, median, quantile } from './statistics.ts';

/** One machine measure in both windows: percent of the reservation. */
export interface Utilisation {
  readonly measurand: 'cpu' | 'memory';
  /** Medians over the points of a window, of the average of all copies for CPU and of the fullest for memory; null where there are none. */
  readonly before: number | null;
  readonly after: number | null;
  /** 75th percentile in the incident, as a quarter of its points may lie before the fault or after it; the highest of fewer than four. */
  readonly high: number | null;
  /** Part of the incident's points, 0…1, that lie at the limit. */
  readonly atLimit: number;
  /** Points in the incident. */
  readonly points: number;
  readonly series: MeasuredSeries;
}

/**
 * From here on (percent of the reservation) CPU counts as saturated. A queue's wait grows as ρ / (1 − ρ): nine times
 * the work at 90 %, and the kernel hands a quota out by slices of 100 ms, so a task that averages 90 % over a minute
 * has spent many slices held back.
 */
export const CPU_SATURATED = 90;
/**
 * Below this (percent) there is CPU to spare: waiting for it is at most one and a half times the work itself, too
 * little to be what made a request take half as long again. In between it depends on what else is seen.
 */
export const CPU_HEADROOM = 60;
/** Between headroom and saturation, use must have risen by this many points with the slowdown to speak for CPU. */
const RISEN_WITH_IT = 20;
/** Of fewer points no quarter can be left out. */
const FEW_POINTS = 4;
/**
 * Memory has no queue; near the limit comes garbage collection, then the kernel's kill. A runtime that knows its
 * container keeps the heap a tenth or more below the limit, for what lies beside it, and is full when it gets there.
 */
export const MEMORY_LIMIT = 85;
export const HELD_BY_A_LIMIT = 102;
/** Saturation lasts: at least this part of the incident's points is at the limit. */
const SUSTAINED = 0.6;

/** Utilisation of one service's tasks, or null when no point of it could be read for the incident. */
export function utilisationOf(
  metrics: GatheredMetrics | null,
  measurand: 'cpu' | 'memory',
  owner: { readonly service: string } | { readonly urn: string },
  windows: Windows,
): Utilisation | null {
  const own = (metrics?.series ?? []).filter(
    (one) =>
      one.measurand === measurand &&
      ('service' in owner ? one.service === owner.service : one.urn === owner.urn),
  );
  const highest = own.filter((one) => one.statistic === 'maximum' && one.points.length > 0);
  // A full task that is being replaced and the empty one that comes for it are half full on average. Load is shared
  // out, so the average says more about CPU, whose single points swing.
  const all =
    measurand === 'memory' && highest.length > 0 ? highest : own.filter((one) => one.statistic === 'average');
  const uses = all.flatMap((series) =>
    useOf(series, measurand, (metrics?.periodSeconds ?? 60) * 1000, windows),
  );
  // Of several copies the one that rose most: one starved copy is enough to slow what is dealt to it.
  return uses.reduce<Utilisation | null>(
    (most, one) => (most === null || risen(one) > risen(most) ? one : most),
    null,
  );
}

function risen({ before, after }: Utilisation): number {
  return (after ?? 0) - (before ?? 0);
}

function useOf(
  series: MeasuredSeries,
  measurand: 'cpu' | 'memory',
  periodMs: number,
  windows: Windows,
): readonly Utilisation[] {
  const period = periodOf(series, periodMs);
  const during = valuesIn(series, windows.incident, period);
  const earlier = windows.baselines.flatMap((window) => valuesIn(series, window, period));
  if (during.length === 0) return [];
  const limit = measurand === 'cpu' ? CPU_SATURATED : MEMORY_LIMIT;
  return [
    {
      measurand,
      before: earlier.length > 0 ? levelBefore(earlier, measurand, windows) : null,
      after: median(during),
      high: during.length < FEW_POINTS ? Math.max(...during) : quantile(during, 0.75),
      atLimit: during.filter((value) => value >= limit).length / during.length,
      points: during.length,
      series,
    },
  ];
}

/**
 * Slices of one stretch of time are no good time that is known as such: memory that fills up is as full in the later of
 * them, so it is compared with the least that was seen.
 */
function levelBefore(earlier: readonly number[], measurand: 'cpu' | 'memory', { origin }: Windows): number {
  return measurand === 'memory' && origin === 'slices' ? Math.min(...earlier) : median(earlier);
}

export function isSaturated(utilisation: Utilisation | null): boolean {
  if (utilisation === null || utilisation.after === null) return false;
  const limit = utilisation.measurand === 'cpu' ? CPU_SATURATED : MEMORY_LIMIT;
  // Nothing holds more than its limit: such a reading is against something else, a request or a wish.
  if (utilisation.measurand === 'memory' && utilisation.after > HELD_BY_A_LIMIT) return false;
  return utilisation.after >= limit && utilisation.atLimit >= SUSTAINED;
}

/** A heap that was nearly as full before (a cache, a runtime that keeps what it has) explains no change: half of the room there was has to be gone. */
const ROOM_TAKEN = 0.5;

/** Whether memory filled up since the good time. */
export function ranFull({ before, after }: Utilisation): boolean {
  return before === null || ((after ?? 0) - before) / (100 - before) >= ROOM_TAKEN;
}

/**
 * Whether a process waits for CPU: at its limit, or well used and much more so than before. Averages over many slices
 * stay below the limit when load comes in bursts, or when the host itself can't give what was reserved.
 */
export function isPressed(cpu: Utilisation | null): boolean {
  if (cpu === null || cpu.after === null) return false;
  return (
    isSaturated(cpu) ||
    (cpu.after >= CPU_HEADROOM && cpu.before !== null && cpu.after - cpu.before >= RISEN_WITH_IT)
  );
}

export function hasHeadroom(utilisation: Utilisation | null): boolean {
  return utilisation !== null && utilisation.after !== null && utilisation.after < CPU_HEADROOM;
}

/** The asked period may be finer than what the source keeps: the points' own distance tells. */
export function periodOf(series: MeasuredSeries, askedMs: number): number {
  const gaps = series.points.slice(1).map((point, index) => point.time - (series.points[index]?.time ?? 0));
  const positive = gaps.filter((gap) => gap > 0);
  return positive.length > 0 ? Math.max(askedMs, Math.min(...positive)) : askedMs;
}

/** Points wholly inside the window; where it is shorter than a point, those that lie in it by more than half. */
function valuesIn(series: MeasuredSeries, window: TimeWindow, period: number): readonly number[] {
  const finite = series.points.filter((point) => isPlausible(point.value));
  const inside = finite.filter((point) => point.time >= window.start && point.time + period <= window.end);
  const chosen =
    inside.length > 0
      ? inside
      : finite.filter(
          (point) => point.time + period / 2 >= window.start && point.time + period / 2 < window.end,
        );
  return chosen.map((point) => point.value);
}
