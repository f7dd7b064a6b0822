import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LatencyStatistics } from '../../src/diagnosis/gather/gathered.ts';
import { pool } from '../../src/diagnosis/gather/pool.ts';
import { quantile } from '../../src/diagnosis/reason/statistics.ts';

function statisticsOf(durations: readonly number[], errors = 0): LatencyStatistics {
  const at = (q: number) => (durations.length === 0 ? 0 : quantile(durations, q));
  return { count: durations.length, errors, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const group: fc.Arbitrary<LatencyStatistics> = fc
  .tuple(
    fc.nat(1_000),
    fc.nat(20),
    fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 3, maxLength: 3 }),
  )
  .map(([count, errors, times]) => {
    const [p50 = 0, p95 = 0, p99 = 0] = times.toSorted((a, b) => a - b);
    return { count, errors, p50, p95, p99 };
  });

describe('groups taken together', () => {
  test('one alone is what it was', () => {
    fc.assert(fc.property(group, (one) => void expect(pool([one])).toEqual(one)));
  });

  test('counts and errors add up, whatever was in them', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 8 }), (groups) => {
        const { count, errors } = pool(groups);
        expect(count).toBe(groups.reduce((sum, one) => sum + one.count, 0));
        expect(errors).toBe(groups.reduce((sum, one) => sum + one.errors, 0));
      }),
    );
  });

  test('percentiles are finite, rise, and lie within those of the groups', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 8 }), (groups) => {
        const { p50, p95, p99 } = pool(groups);
        const highest = Math.max(...groups.map((one) => one.p99));
        expect([p50, p95, p99].every(Number.isFinite)).toBe(true);
        expect(p50).toBeGreaterThanOrEqual(0);
        expect(p50).toBeLessThanOrEqual(p95);
        expect(p95).toBeLessThanOrEqual(p99);
        expect(p99).toBeLessThanOrEqual(highest);
      }),
    );
  });

  test('the order of the groups changes nothing that is shown', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 2, maxLength: 8 }), (groups) => {
        const [one, other] = [pool(groups), pool(groups.toReversed())];
        for (const key of ['count', 'errors', 'p50', 'p95', 'p99'] as const) {
          expect(other[key]).toBeCloseTo(one[key], 3);
        }
      }),
    );
  });

  test('equal groups have the percentiles of each', () => {
    const one = { count: 50, errors: 1, p50: 100, p95: 180, p99: 220 };
    const all = pool([one, one, one]);
    expect(all.p50).toBeCloseTo(100, 2);
    expect(all.p95).toBeCloseTo(180, 2);
    expect(all.p99).toBeCloseTo(220, 2);
  });

  test('requests that were split by how long they took come out near what they were', () => {
    // Log-normal, 4,000 requests by evenly spaced quantiles; the slow ones are those above the P95 of a good time.
    const durations = Array.from(
      { length: 4_000 },
      (_, i) => 100 * Math.exp(0.5 * probit((i + 0.5) / 4_000)),
    );
    const whole = statisticsOf(durations);
    for (const threshold of [90, 140, 250]) {
      const parts = [
        { ...statisticsOf(durations.filter((ms) => ms > threshold)), above: threshold },
        statisticsOf(durations.filter((ms) => ms <= threshold && ms > 80)),
        statisticsOf(durations.filter((ms) => ms <= 80)),
      ];
      const together = pool(parts);
      expect(together.count).toBe(4_000);
      for (const key of ['p50', 'p95', 'p99'] as const) {
        expect(together[key] / whole[key]).toBeGreaterThan(0.9);
        expect(together[key] / whole[key]).toBeLessThan(1.1);
      }
    }
  });

  test('a group without requests weighs nothing', () => {
    const one = { count: 50, errors: 1, p50: 100, p95: 180, p99: 220 };
    const none = { count: 0, errors: 0, p50: 9_000, p95: 9_000, p99: 9_000 };
    expect(pool([one, none]).p95).toBeCloseTo(180, 2);
  });
});

/** Quantile of the standard normal distribution, by its logistic approximation (Bowling et al. 2009). */
function probit(p: number): number {
  return Math.log(p / (1 - p)) / 1.702;
}
