import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  discoveryRates,
  type FourFold,
  independence,
  logOddsRatio,
} from '../../src/diagnosis/reason/contingency.ts';

const table = (
  slowWith: number,
  slowWithout: number,
  othersWith: number,
  othersWithout: number,
): FourFold => ({
  slowWith,
  slowWithout,
  othersWith,
  othersWithout,
});

const tables = (most: number): fc.Arbitrary<FourFold> => {
  const count = fc.nat(most);
  return fc.record({ slowWith: count, slowWithout: count, othersWith: count, othersWithout: count });
};

/** Fisher's test by its definition, with factorials as big integers. */
function exact({ slowWith, slowWithout, othersWith, othersWithout }: FourFold): number {
  const [slow, others, having] = [slowWith + slowWithout, othersWith + othersWithout, slowWith + othersWith];
  const ways = (k: number): bigint => choose(slow, k) * choose(others, having - k);
  let [all, asRare] = [0n, 0n];
  for (let k = Math.max(0, having - others); k <= Math.min(slow, having); k++) {
    all += ways(k);
    if (ways(k) <= ways(slowWith)) asRare += ways(k);
  }
  return Number((asRare * 10n ** 30n) / all) / 1e30;
}

function choose(n: number, k: number): bigint {
  let ways = 1n;
  for (let i = 0; i < k; i++) ways = (ways * BigInt(n - i)) / BigInt(i + 1);
  return ways;
}

describe('whether two groups have a property equally often', () => {
  test('the lady tasting tea', () => {
    // Fisher 1935: eight cups, one mistake of each kind.
    expect(independence(table(3, 1, 1, 3))).toBeCloseTo(34 / 70, 12);
    expect(independence(table(4, 0, 0, 4))).toBeCloseTo(2 / 70, 12);
  });

  test('few requests: as by the definition, with factorials', () => {
    fc.assert(
      fc.property(tables(4), (one) => {
        expect(independence(one)).toBeCloseTo(exact(one), 10);
      }),
    );
  });

  test('a rare property among many: as by the definition', () => {
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), fc.integer({ min: 500, max: 3_000 }), (a, c, many) => {
        const one = table(a, 40, c, many);
        fc.pre((40 + a) * (a + c) < 5 * (40 + a + c + many));
        expect(independence(one)).toBeCloseTo(exact(one), 9);
      }),
    );
  });

  test('many requests: χ² is near the exact test', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 200 }),
        fc.integer({ min: 60, max: 200 }),
        fc.integer({ min: 60, max: 200 }),
        fc.integer({ min: 60, max: 200 }),
        (a, b, c, d) => {
          const one = table(a, b, c, d);
          const off = Math.abs(independence(one) - exact(one));
          // In the middle, where nothing hangs on it, they count the tables around the likeliest differently.
          expect(off).toBeLessThan(exact(one) < 0.1 ? 0.04 : 0.15);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('is the same whichever group and whichever answer comes first', () => {
    fc.assert(
      fc.property(tables(400), (one) => {
        const p = independence(one);
        const { slowWith: a, slowWithout: b, othersWith: c, othersWithout: d } = one;
        for (const turned of [table(c, d, a, b), table(b, a, d, c), table(a, c, b, d)]) {
          expect(independence(turned)).toBeCloseTo(p, 9);
        }
      }),
    );
  });

  test('is a probability for any counts, at once', () => {
    const count = fc.oneof(fc.nat(10), fc.nat(1_000_000), fc.constantFrom(0, 1e12, 1e15));
    fc.assert(
      fc.property(count, count, count, count, (a, b, c, d) => {
        const p = independence(table(a, b, c, d));
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(Number.isFinite(logOddsRatio(table(a, b, c, d)))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing can be told where one group is empty, or all have it', () => {
    expect(independence(table(0, 0, 5, 9))).toBe(1);
    expect(independence(table(7, 0, 9, 0))).toBe(1);
    expect(independence(table(0, 0, 0, 0))).toBe(1);
  });
});

describe('log odds ratio', () => {
  test('turns its sign with the groups, and is 0 between equals', () => {
    fc.assert(
      fc.property(tables(1_000), ({ slowWith: a, slowWithout: b, othersWith: c, othersWithout: d }) => {
        expect(logOddsRatio(table(a, b, c, d))).toBeCloseTo(-logOddsRatio(table(c, d, a, b)), 12);
        expect(logOddsRatio(table(a, b, a, b))).toBeCloseTo(0, 12);
      }),
    );
  });
});

describe('false discovery rates', () => {
  const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });

  test('are the published ones', () => {
    // Benjamini & Hochberg 1995, section 4: 15 p-values, of which 4 hold at 0.05.
    const published = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
      0.759, 1,
    ];
    const rates = discoveryRates(published);
    expect(rates.filter((rate) => rate <= 0.05)).toHaveLength(4);
    expect(rates[3]).toBeCloseTo((0.0095 * 15) / 4, 12);
  });

  test('are never below the p-value, nor above 1, and rise with it', () => {
    fc.assert(
      fc.property(pValues, (all) => {
        const rates = discoveryRates(all);
        const pairs = all.map((p, index) => ({ p, rate: rates[index] ?? Number.NaN }));
        for (const { p, rate } of pairs) {
          expect(rate).toBeGreaterThanOrEqual(p * (1 - 1e-12));
          expect(rate).toBeLessThanOrEqual(1);
        }
        const byP = pairs.toSorted((a, b) => a.p - b.p);
        for (const [index, { rate }] of byP.entries()) {
          expect(rate).toBeGreaterThanOrEqual(byP[index - 1]?.rate ?? 0);
        }
      }),
    );
  });

  test('belong to their p-value, in whatever order they come', () => {
    fc.assert(
      fc.property(pValues, (all) => {
        expect(discoveryRates(all.toReversed())).toEqual(discoveryRates(all).toReversed());
      }),
    );
  });
});
