import type { TimeWindow } from '../../telemetry/query.ts';
import type { GatheredMetrics, MeasuredSeries, Windows } from '../gather/gathered.ts';
import { clamp, isPlausible, median } from './statistics.ts';

/** One machine measure in both windows: percent of the reservation. */
export interface Utilisation {
  readonly measurand: 'cpu' | 'memory';
  /** Medians over the points of a window; null where there are none. */
  readonly before: number | null;
  readonly after: number | null;
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
/** Memory has no queue; near the limit comes garbage collection, then the kernel's kill. */
export const MEMORY_LIMIT = 95;
/** Saturation lasts: at least this part of the incident's points is at the limit. */
const SUSTAINED = 0.6;

/** Utilisation of one service's tasks, or null when no point of it could be read for the incident. */
export function utilisationOf(
  metrics: GatheredMetrics | null,
  measurand: 'cpu' | 'memory',
  owner: { readonly service: string } | { readonly urn: string },
  windows: Windows,
): Utilisation | null {
  const series = metrics?.series.find(
    (one) =>
      one.measurand === measurand &&
      one.statistic === 'average' &&
      ('service' in owner ? one.service === owner.service : one.urn === owner.urn),
  );
  if (series === undefined) return null;
  const period = periodOf(series, (metrics?.periodSeconds ?? 60) * 1000);
  const during = valuesIn(series, windows.incident, period);
  const earlier = windows.baseline === null ? [] : valuesIn(series, windows.baseline, period);
  if (during.length === 0) return null;
  const limit = measurand === 'cpu' ? CPU_SATURATED : MEMORY_LIMIT;
  return {
    measurand,
    before: earlier.length > 0 ? median(earlier) : null,
    after: median(during),
    atLimit: during.filter((value) => value >= limit).length / during.length,
    points: during.length,
    series,
  };
}

export function isSaturated(utilisation: Utilisation | null): boolean {
  if (utilisation === null || utilisation.after === null) return false;
  const limit = utilisation.measurand === 'cpu' ? CPU_SATURATED : MEMORY_LIMIT;
  return utilisation.after >= limit && utilisation.atLimit >= SUSTAINED;
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

/** 0 with headroom, 1 at 95 % and more: how far a reading speaks for saturation. */
export function saturationDegree(utilisation: Utilisation | null): number {
  if (utilisation === null || utilisation.after === null) return 0;
  return clamp((utilisation.after - CPU_HEADROOM) / (95 - CPU_HEADROOM), 0, 1);
}

/** The asked period may be finer than what the source keeps: the points' own distance tells. */
function periodOf(series: MeasuredSeries, askedMs: number): number {
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
