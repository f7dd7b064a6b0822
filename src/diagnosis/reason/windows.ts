import type { TimeWindow } from '../../telemetry/query.ts';
import type { WindowName, Windows } from '../gather/gathered.ts';
import type { Bin } from './bins.ts';

/** More parts than this only make each thinner. */
const MOST_PARTS = 4;
/** A part of the baseline has to hold enough requests for its means to be worth comparing. */
const LEAST_PER_PART = 20;

/**
 * Cuts the good time into up to four parts of equal length: what they differ by among themselves is what healthy
 * windows differ by, and a part that held a fault of its own is outvoted.
 */
export function splitBaseline(baseline: TimeWindow, bins: readonly Bin[]): readonly TimeWindow[] {
  const requests = requestsIn(baseline, bins);
  const parts = Math.max(1, Math.min(MOST_PARTS, Math.floor(requests / LEAST_PER_PART)));
  return equalParts(baseline, parts);
}

/**
 * Where nothing changed at the entrances, the newest quarter is compared with the three before it: a slow path that few
 * requests take shows there and not in the whole. Where the newest quarter is too thin, as when what is slow lets few
 * requests through, the newest third or half. Null when there is too little to cut.
 */
export function sliceWindows(bins: readonly Bin[]): Windows | null {
  const [first, last] = [bins[0], bins.at(-1)];
  if (first === undefined || last === undefined) return null;
  for (let parts = MOST_PARTS; parts > 1; parts -= 1) {
    const slices = equalParts({ start: first.start, end: last.end }, parts);
    const incident = slices.at(-1);
    if (incident === undefined || slices.some((slice) => requestsIn(slice, bins) < LEAST_PER_PART)) continue;
    return { incident, baselines: slices.slice(0, -1), onset: null, origin: 'slices' };
  }
  return null;
}

/** From the start of the first to the end of the last. */
export function hullOf(windows: readonly TimeWindow[]): TimeWindow {
  return {
    start: Math.min(...windows.map(({ start }) => start)),
    end: Math.max(...windows.map(({ end }) => end)),
  };
}

/** Null without any. */
export function baselineOf(windows: Windows): TimeWindow | null {
  return windows.baselines.length === 0 ? null : hullOf(windows.baselines);
}

/** The periods that a piece of evidence compares. */
export function periodsOf(windows: Windows): { readonly window: TimeWindow; readonly baseline?: TimeWindow } {
  const baseline = baselineOf(windows);
  return { window: windows.incident, ...(baseline === null ? {} : { baseline }) };
}

export function isBaseline(window: WindowName): boolean {
  return window !== 'incident';
}

function requestsIn(window: TimeWindow, bins: readonly Bin[]): number {
  return bins
    .filter((bin) => bin.end > window.start && bin.start < window.end)
    .reduce((sum, bin) => sum + bin.count, 0);
}

function equalParts({ start, end }: TimeWindow, parts: number): readonly TimeWindow[] {
  const edge = (index: number): number => Math.round(start + ((end - start) * index) / parts);
  return Array.from({ length: parts }, (_, index) => ({ start: edge(index), end: edge(index + 1) }));
}
