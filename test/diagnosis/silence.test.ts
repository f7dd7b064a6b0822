import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EntrySeries } from '../../src/diagnosis/gather/gathered.ts';
import { poolPoints } from '../../src/diagnosis/reason/bins.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { silenceAfter } from '../../src/diagnosis/reason/silence.ts';
import { chooseSymptom } from '../../src/diagnosis/reason/symptom.ts';
import { play, shop } from './scene.ts';

const POINT_MS = 2_000;

function entry(seconds: number, perPoint: number, p50: (second: number) => number): EntrySeries {
  const points = Array.from({ length: (seconds * 1000) / POINT_MS }, (_, index) => {
    const level = p50((index * POINT_MS) / 1000);
    return {
      time: index * POINT_MS,
      count: perPoint,
      errors: 0,
      p50: level,
      p95: level * 1.3,
      p99: level * 1.4,
    };
  });
  const count = perPoint * points.length;
  return {
    service: 's',
    operation: 'GET /',
    points,
    total: { count, errors: 0, p50: 100, p95: 130, p99: 140 },
  };
}

const until = (end: number) => ({ start: 0, end });

describe('silence', () => {
  test('is what comes after the last request, when more were to be expected', () => {
    const { points } = entry(120, 10, () => 100);
    const silence = silenceAfter(poolPoints(points, POINT_MS), until(180_000));
    expect(silence?.window).toEqual({ start: 120_000, end: 180_000 });
    expect(silence?.expected).toBeCloseTo(300, 0);
  });

  test('is not the delay with which spans are exported, nor the pause of a rare operation', () => {
    const busy = poolPoints(entry(120, 10, () => 100).points, POINT_MS);
    expect(silenceAfter(busy, until(130_000))).toBeNull();
    const rare = poolPoints(entry(120, 0.1, () => 100).points, POINT_MS);
    expect(silenceAfter(rare, until(180_000))).toBeNull();
  });

  test('is not the end of a burst where bursts are usual', () => {
    const { points } = entry(600, 10, () => 100);
    const bursts = points.filter(({ time }) => time % 120_000 < 60_000);
    expect(silenceAfter(poolPoints(bursts, POINT_MS), until(660_000))).toBeNull();
  });

  test('scales with time: the same history at another speed is as silent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 20, max: 600 }), (factor, after) => {
        const { points } = entry(120, 10, () => 100);
        const slow = points.map((point) => ({ ...point, time: point.time * factor }));
        const one = silenceAfter(poolPoints(points, POINT_MS), until(120_000 + after * 1000));
        const other = silenceAfter(
          poolPoints(slow, POINT_MS * factor),
          until((120_000 + after * 1000) * factor),
        );
        expect(other === null).toBe(one === null);
      }),
    );
  });

  test('belongs to the incident of what was slow before it fell silent', () => {
    const slowing = entry(120, 10, (second) => (second < 80 ? 100 : 500));
    const chosen = chooseSymptom([slowing], POINT_MS, until(180_000));
    expect(chosen?.shift).not.toBeNull();
    expect(chosen?.windows.incident.end).toBe(180_000);
  });
});

describe('a service that was well and is gone', () => {
  const gathered = play({ root: shop({}), seconds: [180, 0] });
  const silent = { ...gathered, lookback: { ...gathered.lookback, end: gathered.lookback.end + 300_000 } };

  test('is not called well: what could not be seen is said', () => {
    expect(reason(gathered).verdict).toBe('nothing-wrong');
    const diagnosis = reason(silent);
    expect(diagnosis.verdict).toBe('undetermined');
    expect(diagnosis.gaps.map(({ why }) => why)).toContainEqual(
      expect.stringMatching(/Nothing of GET \/offers came in during the last 300 s/),
    );
  });
});
