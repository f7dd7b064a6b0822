import type { EntryPoint, LatencyStatistics } from '../gather/gathered.ts';
import { isPlausible } from './statistics.ts';

/** Neighbouring points taken together until they hold enough requests for their percentiles to mean something. */
export interface Bin extends LatencyStatistics {
  readonly start: number;
  readonly end: number;
}

/** A median of fewer requests than this jumps around by itself. */
const REQUESTS_PER_BIN = 10;
/** More bins than this only make the search slower, not sharper. */
const MOST_BINS = 60;
/** Fewer bins than this can't show a change; sparse data are cut finer to reach it, at the price of more noise. */
const WANTED_BINS = 12;
const LEAST_PER_BIN = 3;

/**
 * Pools points into at most 60 bins of about equal numbers of requests. Percentiles of a bin are the means of its
 * points' percentiles weighted by their counts: near the truth as long as the points of a bin resemble each other.
 */
export function poolPoints(points: readonly EntryPoint[], granularityMs: number): readonly Bin[] {
  const usable = points.filter(isUsable).sort((a, b) => a.time - b.time);
  const requests = usable.reduce((sum, point) => sum + point.count, 0);
  const perBin = Math.max(
    Math.min(REQUESTS_PER_BIN, Math.max(LEAST_PER_BIN, requests / WANTED_BINS)),
    requests / MOST_BINS,
  );
  const bins: Bin[] = [];
  let open: EntryPoint[] = [];
  let held = 0;
  for (const point of usable) {
    open.push(point);
    held += point.count;
    if (held >= perBin) {
      bins.push(merge(open, granularityMs));
      open = [];
      held = 0;
    }
  }
  // A short rest at the end is too thin to stand alone, and the newest requests matter most: it joins the last bin.
  if (open.length > 0) {
    const last = bins.pop();
    bins.push(last === undefined ? merge(open, granularityMs) : join(last, merge(open, granularityMs)));
  }
  return bins;
}

function isUsable(point: EntryPoint): boolean {
  return point.count > 0 && [point.time, point.count, point.p50, point.p95, point.p99].every(isPlausible);
}

function merge(points: readonly EntryPoint[], granularityMs: number): Bin {
  const count = points.reduce((sum, point) => sum + point.count, 0);
  const mean = (pick: (point: EntryPoint) => number): number =>
    points.reduce((sum, point) => sum + pick(point) * point.count, 0) / count;
  return {
    start: points[0]?.time ?? 0,
    end: (points.at(-1)?.time ?? 0) + granularityMs,
    count,
    errors: points.reduce((sum, point) => sum + (isPlausible(point.errors) ? point.errors : 0), 0),
    p50: mean((point) => point.p50),
    p95: mean((point) => point.p95),
    p99: mean((point) => point.p99),
  };
}

function join(a: Bin, b: Bin): Bin {
  const count = a.count + b.count;
  const mean = (x: number, y: number): number => (x * a.count + y * b.count) / count;
  return {
    start: a.start,
    end: b.end,
    count,
    errors: a.errors + b.errors,
    p50: mean(a.p50, b.p50),
    p95: mean(a.p95, b.p95),
    p99: mean(a.p99, b.p99),
  };
}
