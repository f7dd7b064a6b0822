import type { TimeWindow } from '../../telemetry/query.ts';
import type { EntrySeries, Windows } from '../gather/gathered.ts';
import { type Bin, poolPoints } from './bins.ts';
import { findRegimes, type Level, levelValues, type Regime } from './changepoint.ts';
import { compareText } from './order.ts';
import { silenceAfter } from './silence.ts';
import { isPlausible, median, robustSpread } from './statistics.ts';
import { baselineOf, sliceWindows, splitBaseline } from './windows.ts';

/** What is worth calling slower (or failing): a lasting step between two regimes of one operation. */
export interface Shift {
  readonly level: Level;
  readonly windows: Windows;
  /** Medians over the bins of the two windows: milliseconds, or a share of failed requests. */
  readonly before: number;
  readonly after: number;
}

export interface ChosenSymptom {
  readonly entry: EntrySeries;
  readonly bins: readonly Bin[];
  readonly shift: Shift | null;
  /** What to compare: the shift's, or those that stand in for it. */
  readonly windows: Windows;
  /** A slow period that is over: its time span. */
  readonly passed: { readonly start: number; readonly end: number } | null;
}

/**
 * The least step that counts. A request that takes half as long again is what people notice; a P95 of a bin rests on
 * its one or two slowest requests and wanders more, so it needs more; one request in twenty failing is an incident.
 */
export const MATERIAL_RATIO = { p50: 1.5, p95: 1.75 } as const;
const MATERIAL_ERROR_SHARE = 0.05;
/** A step must exceed the bins' usual wandering in the baseline by this factor (three robust standard deviations). */
export const STEP_TO_NOISE = 3;
/** Fewer requests than this don't make a baseline or an incident. */
export const LEAST_REQUESTS = 20;

/**
 * Picks the operation that a person would feel: of those that shifted, the one with the most time lost in all;
 * without any shift, the one that most time goes into. Null when there is no entry at all.
 */
export function chooseSymptom(
  entries: readonly EntrySeries[],
  granularityMs: number,
  lookback: TimeWindow,
): ChosenSymptom | null {
  const candidates = entries
    .filter((entry) => entry.total.count > 0)
    .map((entry) => {
      const bins = poolPoints(entry.points, granularityMs);
      const { shift, passed } = findShift(bins);
      const windows = shift?.windows ?? withoutShift(bins, lookback);
      return { entry, bins, shift, passed, windows: throughSilence(windows, bins, lookback) };
    })
    .sort((a, b) => compareText(nameOf(a.entry), nameOf(b.entry)));
  const shifted = candidates.filter((candidate) => candidate.shift !== null);
  const pool = shifted.length > 0 ? shifted : candidates;
  return pool.reduce<ChosenSymptom | null>(
    (best, one) => (best === null || weight(one) > weight(best) ? one : best),
    null,
  );
}

/** The operation that lost most between two windows that were given; where none did, the busiest. Null when there is no entry at all. */
export function symptomBetween(
  entries: readonly EntrySeries[],
  granularityMs: number,
  asked: Pick<Windows, 'incident' | 'baselines'>,
): ChosenSymptom | null {
  const windows: Windows = { ...asked, onset: null, origin: 'asked' };
  const inside = (entry: EntrySeries, all: readonly TimeWindow[]): { count: number; spent: number } => {
    const points = entry.points.filter(
      ({ time, count, p50 }) =>
        count > 0 && isPlausible(p50) && all.some(({ start, end }) => time >= start && time < end),
    );
    return {
      count: points.reduce((sum, { count }) => sum + count, 0),
      spent: points.reduce((sum, { count, p50 }) => sum + count * p50, 0),
    };
  };
  const lost = (entry: EntrySeries): number => {
    const now = inside(entry, [windows.incident]);
    const before = inside(entry, windows.baselines);
    return now.count === 0 || before.count === 0 ? 0 : now.spent - now.count * (before.spent / before.count);
  };
  return (
    entries
      .filter((entry) => entry.total.count > 0)
      .map((entry) => ({
        entry,
        lost: Math.max(0, lost(entry)),
        spent: inside(entry, [windows.incident]).spent,
      }))
      .sort((a, b) => b.lost - a.lost || b.spent - a.spent || compareText(nameOf(a.entry), nameOf(b.entry)))
      .slice(0, 1)
      .map(({ entry }) => ({
        entry,
        bins: poolPoints(entry.points, granularityMs),
        shift: null,
        passed: null,
        windows,
      }))
      .at(0) ?? null
  );
}

/** Milliseconds lost in the incident, or spent in all when nothing shifted. */
function weight(candidate: ChosenSymptom): number {
  const { shift, bins, entry } = candidate;
  if (shift === null) return entry.total.count * finite(entry.total.p50);
  const { incident } = shift.windows;
  const baseline = baselineOf(shift.windows);
  const inIncident = bins.filter((bin) => bin.start >= incident.start);
  const inBaseline = bins.filter(
    (bin) => baseline !== null && bin.start >= baseline.start && bin.start < baseline.end,
  );
  const requests = inIncident.reduce((sum, bin) => sum + bin.count, 0);
  if (shift.level === 'errors') return requests * (shift.after - shift.before) * finite(entry.total.p50);
  const of = (group: readonly Bin[]): number =>
    median(group.map((bin) => bin[shift.level === 'p95' ? 'p95' : 'p50']));
  return Math.max(0, requests * finite(of(inIncident) - of(inBaseline)));
}

/** Looks for the newest lasting step upward, first in the typical request, then in the tail, then in errors. */
export function findShift(bins: readonly Bin[]): Pick<ChosenSymptom, 'shift' | 'passed'> {
  let passed: ChosenSymptom['passed'] = null;
  for (const level of ['p50', 'p95', 'errors'] as const) {
    const regimes = findRegimes(bins, level);
    const values = levelValues(bins, level);
    const last = regimes.at(-1);
    const normal = regimes
      .filter((regime) => regime.requests >= LEAST_REQUESTS)
      .reduce<Regime | null>((low, one) => (low === null || one.level < low.level ? one : low), null);
    if (last === undefined || normal === null) continue;
    const isSlow = (regime: Regime): boolean => isMaterial(level, normal, regime, values);
    if (isSlow(last) && last.requests >= LEAST_REQUESTS && normal.to <= last.from) {
      let first = last;
      for (const regime of [...regimes].reverse()) {
        if (!isSlow(regime) || regime.from < normal.to) break;
        first = regime;
      }
      return { shift: toShift(level, bins, normal, first, values), passed: null };
    }
    const slow = regimes.filter((regime) => regime.from >= normal.to && isSlow(regime)).at(-1);
    const from = bins[slow?.from ?? -1];
    const to = bins[(slow?.to ?? 0) - 1];
    if (from !== undefined && to !== undefined) passed ??= { start: from.start, end: to.end };
  }
  return { shift: null, passed };
}

function isMaterial(level: Level, normal: Regime, regime: Regime, values: readonly number[]): boolean {
  const noise = robustSpread(values.slice(normal.from, normal.to));
  if (level === 'errors') {
    const rise = regime.level - normal.level;
    return rise >= MATERIAL_ERROR_SHARE && rise >= STEP_TO_NOISE * noise;
  }
  const ratio = regime.level / normal.level;
  return ratio >= MATERIAL_RATIO[level] && Math.log(ratio) >= STEP_TO_NOISE * noise;
}

/** The interval of the onset belongs to neither window: a bin there may hold requests of both regimes. */
function toShift(
  level: Level,
  bins: readonly Bin[],
  normal: Regime,
  first: Regime,
  values: readonly number[],
): Shift {
  const at = (index: number): Bin => bins[Math.min(Math.max(index, 0), bins.length - 1)] as Bin;
  const middle = (bin: Bin): number => Math.round((bin.start + bin.end) / 2);
  const boundary = first.boundary ?? { index: first.from, earliest: first.from, latest: first.from };
  const earliest = middle(at(boundary.earliest - 1));
  const latest = middle(at(Math.min(boundary.latest, bins.length - 2)));
  const time = at(first.from).start;
  const baselineEnd = Math.min(at(normal.to - 1).end, earliest);
  const tail = values.slice(first.from);
  const after = median(tail);
  return {
    level,
    windows: {
      incident: { start: latest, end: at(bins.length - 1).end },
      baselines: splitBaseline(
        { start: at(normal.from).start, end: Math.max(baselineEnd, at(normal.from).end) },
        bins,
      ),
      onset: { time, earliest: Math.min(earliest, time), latest: Math.max(latest, time) },
      origin: 'shift',
    },
    before: normal.level,
    after: level === 'errors' ? after : Math.exp(after),
  };
}

/** What is too slow to report any more goes on: its machine is still measured. */
function throughSilence(windows: Windows, bins: readonly Bin[], lookback: TimeWindow): Windows {
  const end = silenceAfter(bins, lookback)?.window.end ?? windows.incident.end;
  return { ...windows, incident: { start: windows.incident.start, end } };
}

/** The windows when nothing shifted: the newest part against the rest, or all there is, with nothing to compare it to. */
function withoutShift(bins: readonly Bin[], fallback: TimeWindow): Windows {
  const slices = sliceWindows(bins);
  if (slices !== null) return slices;
  const first = bins[0];
  const last = bins.at(-1);
  const incident = first && last ? { start: first.start, end: last.end } : fallback;
  return { incident, baselines: [], onset: null, origin: 'none' };
}

function nameOf(entry: EntrySeries): string {
  return `${entry.service}\u0000${entry.operation}`;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
