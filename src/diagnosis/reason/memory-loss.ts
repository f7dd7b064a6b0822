import type { TimeWindow } from '../../telemetry/query.ts';
import type { Gathered, MeasuredSeries } from '../gather/gathered.ts';
import { momentsOf } from './moments.ts';
import { HELD_BY_A_LIMIT, MEMORY_LIMIT } from './saturation.ts';
import { isPlausible } from './statistics.ts';

/** Memory that was full and then, at once, was not: its process is gone, and a fresh one holds little yet. */
export interface MemoryLoss {
  /** Percent of the reservation, at the last full point and at the first after it. */
  readonly full: number;
  readonly fresh: number;
  /** From the full point to the fresh one. */
  readonly between: TimeWindow;
  readonly series: MeasuredSeries;
}

/** A runtime gives back what it collected bit by bit; half of everything at once goes with the process. */
const FRESH = 0.5;
/** The point in which a process ends and the next begins holds the larger of both, or neither. */
const POINTS_BETWEEN = 2;
/** A rollout goes on for minutes after the update that asked for it has ended. */
const ROLLOUT_MS = 5 * 60_000;

/** The latest loss in the series of the fullest copy, unless tasks were replaced on purpose; null without one. */
export function memoryLossOf(gathered: Gathered, service: string): MemoryLoss | null {
  const own = (gathered.metrics?.series ?? []).filter(
    (one) => one.measurand === 'memory' && one.service === service,
  );
  const losses = own
    .filter(({ statistic }) => statistic === 'maximum')
    .flatMap((series) =>
      lossesIn(
        series,
        own.find(({ statistic }) => statistic === 'average'),
      ),
    )
    .filter((loss) => !wasReplaced(gathered, loss));
  return losses.reduce<MemoryLoss | null>(
    (latest, one) => (latest === null || one.between.end > latest.between.end ? one : latest),
    null,
  );
}

/** A fresh process may fill up within one point: its average tells more of how it began than its maximum. */
function lossesIn(series: MeasuredSeries, average: MeasuredSeries | undefined): readonly MemoryLoss[] {
  const averages = new Map(average?.points.map(({ time, value }) => [time, value]));
  const points = series.points.filter(({ value }) => isPlausible(value));
  if (points.some(({ value }) => value > HELD_BY_A_LIMIT)) return [];
  return points.flatMap((full, index) => {
    const next = points[index + 1];
    if (full.value < MEMORY_LIMIT || next === undefined || next.value >= MEMORY_LIMIT) return [];
    const fresh = points
      .slice(index + 1, index + 1 + POINTS_BETWEEN)
      .map(({ time, value }) => ({ time, value: Math.min(value, averages.get(time) ?? value) }))
      .find(({ value }) => value <= full.value * FRESH);
    if (fresh === undefined) return [];
    return [{ full: full.value, fresh: fresh.value, between: { start: full.time, end: fresh.time }, series }];
  });
}

/** An update replaces what was full before it; what filled up after it went for another reason. */
function wasReplaced(gathered: Gathered, { full, between, series }: MemoryLoss): boolean {
  return momentsOf(gathered).some(
    (moment) =>
      moment.start <= between.end &&
      moment.end + ROLLOUT_MS >= between.start &&
      !series.points.some(
        ({ time, value }) => time >= moment.end && time < between.start && value <= full * FRESH,
      ),
  );
}
