import type { CauseKind } from '../../src/diagnosis/diagnosis.ts';
import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import { type CallAggregate, INCIDENT } from '../../src/diagnosis/reason/places/calls.ts';
import type { NodeSeries } from '../../src/diagnosis/reason/service-map/service-map.ts';
import { median } from '../../src/diagnosis/reason/statistics.ts';
import type { CaseInput, RcaEngine } from './engine.ts';
import { callsOf } from './product-engine.ts';

/** A candidate as the simple methods see it: its numbers before and during, and the symptom's beside them. */
interface Observed {
  readonly target: string;
  /** Mean duration or latency. */
  readonly now: number;
  readonly before: number;
  /** Time of its own for a request; latency where there are no traces. */
  readonly ownNow: number;
  readonly ownBefore: number;
  readonly p95Now: number;
  readonly p95Before: number;
  /** Its level and the symptom's at the same moments. */
  readonly pairs: readonly (readonly [own: number, symptom: number])[];
  /** Every metric: readings before and during. */
  readonly metrics: readonly {
    readonly name: string;
    readonly now: readonly number[];
    readonly before: readonly number[];
  }[];
}

/** Methods that fit into a line each, run on the same answers as the engine: what accuracy costs nothing. */
export const baselineEngines: readonly RcaEngine[] = [
  simple('slowest service', (one) => one.now),
  simple('greatest rise of own time', (one) => one.ownNow - one.ownBefore),
  simple('highest CPU z-score', (one) =>
    Math.max(
      ...one.metrics.filter(({ name }) => /^cpu/i.test(name)).map(({ now, before }) => zScore(now, before)),
      -Infinity,
    ),
  ),
  simple('rank correlation with the symptom', (one) => spearman(one.pairs)),
  {
    ...simple('3 sigma, P95 × 3', alarms),
    async answer(input, signal) {
      const ranking = rank(await observe(input, signal), alarms).filter(({ score }) => score > 0);
      return { verdict: ranking.length > 0 ? 'cause' : 'nothing-wrong', ranking };
    },
  },
];

function simple(name: string, scoreOf: (one: Observed) => number): RcaEngine {
  return {
    name,
    async answer(input, signal): Promise<Answer> {
      const ranking = rank(await observe(input, signal), scoreOf);
      return { verdict: ranking.length > 0 ? 'cause' : 'undetermined', ranking };
    },
  };
}

function rank(observed: readonly Observed[], scoreOf: (one: Observed) => number) {
  const kind: CauseKind = 'application';
  return observed
    .map((one) => ({ target: one.target, kind, score: scoreOf(one) }))
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => b.score - a.score || (a.target < b.target ? -1 : 1));
}

/** One alarm for each metric beyond three standard deviations, one for a P95 of three times; the furthest decides among equals. */
function alarms(one: Observed): number {
  const beyond = one.metrics.map(({ now, before }) => zScore(now, before)).filter((z) => z > 3);
  const slower = one.p95Before > 0 ? one.p95Now / one.p95Before : 0;
  const furthest = Math.max(0, slower, ...beyond);
  const count = beyond.length + (slower > 3 ? 1 : 0);
  return count === 0 ? 0 : count + furthest / (1 + furthest);
}

async function observe(input: CaseInput, signal: AbortSignal): Promise<readonly Observed[]> {
  if (input.spans !== null && input.case.incident && input.case.baseline)
    return observeCalls(await callsOf(input.spans, input.case, signal), input);
  return observeMap(input);
}

function observeCalls(rows: readonly CallAggregate[], input: CaseInput): readonly Observed[] {
  const windows = [...new Set(rows.map((row) => row.window))].sort();
  const requests = (window: string): number =>
    sum(
      rows.filter((row) => row.parentService === null && row.window === window),
      (row) => row.count,
    );
  const symptom = (window: string): number =>
    sum(
      rows.filter((row) => row.parentService === null && row.window === window),
      (row) => row.totalMs,
    ) / requests(window);
  const inWindows = (chosen: readonly string[], of: (window: string) => number): number =>
    median(chosen.map(of).filter(Number.isFinite));
  const before = windows.filter((window) => window !== INCIDENT);
  return [...new Set(rows.map((row) => row.service))].sort().map((service) => {
    const own = rows.filter((row) => row.service === service);
    const at = (window: string): readonly CallAggregate[] => own.filter((row) => row.window === window);
    const mean = (window: string): number =>
      sum(at(window), (row) => row.totalMs) / sum(at(window), (row) => row.count);
    const p95 = (window: string): number => Math.max(...at(window).map((row) => row.p95));
    const exclusive = (window: string): number => {
      const children = rows.filter((row) => row.window === window && row.parentService === service);
      return (sum(at(window), (row) => row.totalMs) - sum(children, (row) => row.totalMs)) / requests(window);
    };
    return {
      target: service,
      now: mean(INCIDENT),
      before: inWindows(before, mean),
      ownNow: exclusive(INCIDENT),
      ownBefore: inWindows(before, exclusive),
      p95Now: p95(INCIDENT),
      p95Before: inWindows(before, p95),
      pairs: windows.map((window) => [mean(window), symptom(window)] as const),
      metrics: machineMetrics(service, input),
    };
  });
}

function machineMetrics(service: string, input: CaseInput): Observed['metrics'] {
  const { incident, baseline } = input.case;
  const own = input.metrics.filter((point) => point.service === service);
  return [...new Set(own.map((point) => point.metric))].map((name) => {
    const points = own.filter((point) => point.metric === name);
    return {
      name,
      now: points
        .filter(({ time }) => incident && time >= incident[0] && time < incident[1])
        .map(({ value }) => value),
      before: points
        .filter(({ time }) => baseline?.some(([start, end]) => time >= start && time < end))
        .map(({ value }) => value),
    };
  });
}

function observeMap({ map, case: one }: CaseInput): readonly Observed[] {
  const node = one.symptom?.node;
  if (map === null || !node) return [];
  const measure = one.symptom?.metric === 'availability' ? 'availability' : 'latency';
  const reading = `${measure}:${one.symptom?.statistic ?? 'Average'}`;
  const worse = (value: number): number => (measure === 'availability' ? 100 - value : value);
  const values = (series: NodeSeries | undefined, name: string): number[] =>
    [...(series?.get(name)?.values() ?? [])].map(worse);
  const symptom = map.incident.get(node)?.get(reading);
  return [...map.incident].map(([target, series]) => {
    const now = values(series, reading);
    const before = values(map.baseline.get(target), reading);
    const tail = measure === 'latency' ? 'latency:p95' : reading;
    return {
      target,
      now: mean(now),
      before: mean(before),
      ownNow: mean(now),
      ownBefore: mean(before),
      p95Now: mean(values(series, tail)),
      p95Before: mean(values(map.baseline.get(target), tail)),
      pairs: [...(series.get(reading) ?? [])].flatMap(([time, value]) => {
        const there = symptom?.get(time);
        return there === undefined ? [] : [[worse(value), worse(there)] as const];
      }),
      metrics: [{ name: reading, now, before }],
    };
  });
}

/** How far the mean is above that of before, in standard deviations of before. */
function zScore(now: readonly number[], before: readonly number[]): number {
  if (now.length === 0 || before.length < 2) return Number.NEGATIVE_INFINITY;
  const centre = mean(before);
  const spread = Math.sqrt(mean(before.map((value) => (value - centre) ** 2)));
  return spread > 0 ? (mean(now) - centre) / spread : 0;
}

function spearman(pairs: readonly (readonly [number, number])[]): number {
  const finite = pairs.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  if (finite.length < 3) return Number.NaN;
  const a = ranks(finite.map(([own]) => own));
  const b = ranks(finite.map(([, symptom]) => symptom));
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = mean(a.map((value, index) => (value - meanA) * ((b[index] ?? 0) - meanB)));
  const spread = Math.sqrt(
    mean(a.map((value) => (value - meanA) ** 2)) * mean(b.map((value) => (value - meanB) ** 2)),
  );
  return spread > 0 ? product / spread : 0;
}

/** Ranks, equal values sharing their mean rank. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}
