import { robustSpread } from '../statistics.ts';
import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';

/** How often an operation calls one of its children, per call of its own. */
export interface CallRate {
  readonly child: Operation;
  readonly before: number;
  readonly now: number;
  /** The change in standard errors: chance, the baseline windows' own spread and the usual wandering together. */
  readonly steps: number;
}

/** Fewer calls of the operation itself than this carry no rate. */
const LEAST_NOW = 3;
const LEAST_BEFORE = 10;
/** Numbers of calls vary by a twentieth with the mix of requests even where the windows at hand don't show it. */
const USUAL = 0.05;

/** Chance goes this far once in 30,000 looks; a diagnosis takes some hundred. */
export const STEPS_BEYOND_CHANCE = 4;
/** A call made less than seven times in ten of what it was. */
export const FEWER = 0.7;
/** A child that is called this much more often. */
export const MORE = 1.3;

/** Of all children; empty where the operation itself was seen too rarely. */
export function callRates(operation: Operation, baselines: readonly string[]): readonly CallRate[] {
  const countIn = (window: string): number => operation.windows.get(window)?.count ?? 0;
  const now = countIn(INCIDENT);
  const before = baselines.reduce((sum, window) => sum + countIn(window), 0);
  if (now < LEAST_NOW || before < LEAST_BEFORE) return [];
  const windows = baselines.filter((window) => countIn(window) >= LEAST_BEFORE);
  return [...operation.children].map(([child, counts]) => {
    const made = baselines.reduce((sum, window) => sum + (counts.get(window) ?? 0), 0);
    const usual = made / before;
    const rate = (counts.get(INCIDENT) ?? 0) / now;
    const spread = robustSpread(windows.map((window) => (counts.get(window) ?? 0) / countIn(window)));
    // Once a call or never: binomial, with half a count on each side. Often: Poisson.
    const share = (made + 0.5) / (before + 1);
    const variance = usual <= 1 ? (share * Math.max(0, 1 - share)) / now : usual / now;
    const error = Math.hypot(Math.sqrt(variance), spread, USUAL * usual);
    return { child, before: usual, now: rate, steps: error > 0 ? (rate - usual) / error : 0 };
  });
}

/** An operation that calls a child much more often than it did, and what that costs. */
export interface MoreCalls {
  readonly operation: Operation;
  readonly rate: CallRate;
  /** Milliseconds that the added calls take in each call of the operation. */
  readonly gain: number;
  /** Milliseconds of the incident. */
  readonly lost: number;
  readonly material: number;
}

/** Once more at least: a step that every request takes once can be skipped or not, and the mix of requests decides. */
const MANY_MORE = 1;

/**
 * Calls that are made again and again where one was enough (N + 1), or repeated after failing. Where another child is
 * called far less often, other requests came, and nothing is wrong.
 */
export function findMoreCalls(
  graph: OperationGraph,
  requests: ReadonlyMap<Operation, number>,
): readonly MoreCalls[] {
  return graph.operations.flatMap((operation) => {
    const request = requests.get(operation) ?? 0;
    const rates = callRates(operation, graph.baselines);
    if (request <= 0) return [];
    if (rates.some((rate) => rate.now < FEWER * rate.before && rate.steps < -STEPS_BEYOND_CHANCE)) return [];
    return rates
      .filter(
        (rate) =>
          rate.now > MORE * rate.before &&
          rate.now - rate.before >= MANY_MORE &&
          rate.steps > STEPS_BEYOND_CHANCE,
      )
      .map((rate) => {
        const window = rate.child.windows.get(INCIDENT);
        const each = window === undefined ? 0 : window.totalMs / window.count;
        const gain = (rate.now - rate.before) * each;
        return {
          operation,
          rate,
          gain,
          lost: gain * (operation.windows.get(INCIDENT)?.count ?? 0),
          material: gain / request,
        };
      });
  });
}
