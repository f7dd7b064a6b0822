import type { TimeWindow } from '../../telemetry/query.ts';
import type { Gathered, MeasuredSeries } from '../gather/gathered.ts';
import { type Moment, momentsOf } from './moments.ts';
import { HELD_BY_A_LIMIT, MEMORY_LIMIT, periodOf } from './saturation.ts';
import { isPlausible } from './statistics.ts';
import { hullOf } from './windows.ts';

/** Memory that was full and then, at once, was not: its process is gone, and a fresh one holds little yet. */
export interface MemoryLoss {
  /** Percent of the reservation, at the last full point and at the first after it. */
  readonly full: number;
  readonly fresh: number;
  /** From the full point to the fresh one. */
  readonly between: TimeWindow;
  readonly series: MeasuredSeries;
}

type Points = MeasuredSeries['points'];

/** A runtime gives back what it collected bit by bit; half of everything at once goes with the process. */
const FRESH = 0.5;
/** The point in which a process ends and the next begins holds the larger of both, or neither. */
const POINTS_BETWEEN = 2;
/** A rollout goes on for minutes after the update that asked for it has ended. */
const ROLLOUT_MS = 5 * 60_000;

/**
 * The latest loss in the series of the fullest copy that can have to do with the incident, unless tasks were replaced on
 * purpose; null without one. With no good time known, all that was looked at is in question.
 */
export function memoryLossOf(gathered: Gathered, service: string): MemoryLoss | null {
  const { metrics, windows } = gathered;
  const own = (metrics?.series ?? []).filter((one) => one.measurand === 'memory' && one.service === service);
  const periodMs = (metrics?.periodSeconds ?? 60) * 1000;
  const knowsGoodTime = windows.origin === 'shift' || windows.origin === 'asked';
  const losses = own
    .filter(({ statistic }) => statistic === 'maximum')
    .flatMap((series) => {
      const period = periodOf(series, periodMs);
      // What made it slow may have happened a little before it was.
      const from = knowsGoodTime
        ? windows.incident.start - POINTS_BETWEEN * period
        : hullOf([windows.incident, ...windows.baselines]).start;
      return lossesIn(series, averageBeside(series, own), period).filter(({ between }) => between.end > from);
    })
    .filter((loss) => !wasReplaced(gathered, loss));
  return losses.reduce<MemoryLoss | null>(
    (latest, one) => (latest === null || one.between.end > latest.between.end ? one : latest),
    null,
  );
}

/** The average over the same tasks. */
function averageBeside(series: MeasuredSeries, own: readonly MeasuredSeries[]): Points {
  const { namespace, metric, dimensions } = series.query;
  const same = own.find(
    ({ statistic, query }) =>
      statistic === 'average' &&
      query.namespace === namespace &&
      query.metric === metric &&
      JSON.stringify(query.dimensions) === JSON.stringify(dimensions),
  );
  return same?.points ?? [];
}

/** A fresh process may fill up within one point: then the average falls by half, and the maximum below the limit alone. */
function lossesIn(series: MeasuredSeries, average: Points, period: number): readonly MemoryLoss[] {
  const points = series.points.filter(({ value }) => isPlausible(value));
  if (points.some(({ value }) => value > HELD_BY_A_LIMIT)) return [];
  const averages = new Map(average.map(({ time, value }) => [time, value]));
  return points.flatMap((full, index) => {
    if (full.value < MEMORY_LIMIT) return [];
    const meanWhenFull = averages.get(full.time) ?? Number.NaN;
    for (const { time, value } of points.slice(index + 1, index + 1 + POINTS_BETWEEN)) {
      // What was not measured in between may have gone slowly.
      if (value >= MEMORY_LIMIT || time - full.time > (POINTS_BETWEEN + 1) * period) break;
      const mean = averages.get(time) ?? Number.NaN;
      const fresh = value <= full.value * FRESH ? value : mean <= meanWhenFull * FRESH ? mean : null;
      if (fresh !== null)
        return [{ full: full.value, fresh, between: { start: full.time, end: time }, series }];
    }
    return [];
  });
}

/** Being near explains nothing: a rollout replaces tasks that were full when it began. */
function wasReplaced(gathered: Gathered, { between, series }: MemoryLoss): boolean {
  const wasFullAt = (time: number): boolean => {
    const then = series.points.findLast((point) => point.time <= time) ?? series.points[0];
    return then !== undefined && then.value >= MEMORY_LIMIT;
  };
  return momentsOf(gathered).some((moment) => {
    const { from, to } = reachOf(moment);
    return from <= between.end && to >= between.start && wasFullAt(Math.min(moment.start, between.start));
  });
}

/** Tasks may be replaced after an update has ended. A marker is written when a rollout begins, or when it is over. */
function reachOf({ kind, start, end }: Moment): { readonly from: number; readonly to: number } {
  return { from: kind === 'marker' ? start - ROLLOUT_MS : start, to: end + ROLLOUT_MS };
}
