import { clamp, upperTail } from './statistics.ts';

/** Counts of two groups by whether they have a property. */
export interface FourFold {
  readonly slowWith: number;
  readonly slowWithout: number;
  readonly othersWith: number;
  readonly othersWithout: number;
}

/** Below this expected count in a cell χ² is no longer near its distribution (Cochran 1954). */
const LEAST_EXPECTED = 5;
/** Tables whose exact probability differs from the observed one by rounding alone are as likely. */
const ROUNDING = 1 + 1e-7;
/** Tables that are so much rarer than the likeliest add nothing, and an observed one among them is no chance. */
const NEGLIGIBLE = 1e-18;

/**
 * Two-sided p-value that both groups have the property equally often: Fisher's exact test where an expected count is
 * small, else χ² with Yates's correction. Whole counts, not negative; 1 when nothing can be told.
 */
export function independence(table: FourFold): number {
  const { slowWith: a, slowWithout: b, othersWith: c, othersWithout: d } = table;
  const n = a + b + c + d;
  const products = [(a + b) * (a + c), (a + b) * (b + d), (c + d) * (a + c), (c + d) * (b + d)];
  const smallest = Math.min(...products);
  if (n === 0 || smallest === 0) return 1;
  if (smallest / n < LEAST_EXPECTED) return fisher(table);
  const deviation = Math.max(0, Math.abs(a - ((a + b) * (a + c)) / n) - 0.5);
  const chiSquare = deviation ** 2 * products.reduce((sum, product) => sum + n / product, 0);
  return Math.min(1, 2 * upperTail(Math.sqrt(chiSquare)));
}

/**
 * Sum of the probabilities of all tables with these margins that are no likelier than the observed one. Each follows
 * from its neighbour, beginning at the likeliest: no factorials, so that millions of requests cost no more than ten.
 */
function fisher({ slowWith, slowWithout, othersWith, othersWithout }: FourFold): number {
  const slow = slowWith + slowWithout;
  const others = othersWith + othersWithout;
  const having = slowWith + othersWith;
  const likeliest = Math.floor(((slow + 1) * (having + 1)) / (slow + others + 2));
  const mode = clamp(likeliest, Math.max(0, having - others), Math.min(slow, having));
  const weights = new Map([[mode, 1]]);
  for (let weight = 1, k = mode; weight > NEGLIGIBLE; k++) {
    weight *= ((slow - k) * (having - k)) / ((k + 1) * (others - having + k + 1));
    weights.set(k + 1, weight);
  }
  for (let weight = 1, k = mode; weight > NEGLIGIBLE; k--) {
    weight *= (k * (others - having + k)) / ((slow - k + 1) * (having - k + 1));
    weights.set(k - 1, weight);
  }
  const observed = (weights.get(slowWith) ?? 0) * ROUNDING;
  let sum = 0;
  let all = 0;
  for (const weight of weights.values()) {
    all += weight;
    if (weight <= observed) sum += weight;
  }
  return Math.min(1, sum / all);
}

/** Log odds ratio with half a count added to each cell, so that an empty one leaves it finite (Haldane 1956, Anscombe 1956). */
export function logOddsRatio({ slowWith, slowWithout, othersWith, othersWithout }: FourFold): number {
  return Math.log(((slowWith + 0.5) * (othersWithout + 0.5)) / ((slowWithout + 0.5) * (othersWith + 0.5)));
}

/** The p-values as false discovery rates, in the same order (Benjamini & Hochberg 1995). */
export function discoveryRates(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => b.p - a.p);
  const rates = new Array<number>(pValues.length).fill(1);
  let least = 1;
  order.forEach(({ p, index }, place) => {
    least = Math.min(least, (p * pValues.length) / (pValues.length - place));
    rates[index] = least;
  });
  return rates;
}
