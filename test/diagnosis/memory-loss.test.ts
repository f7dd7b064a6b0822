import { describe, expect, test } from 'vitest';
import type { Gathered } from '../../src/diagnosis/gather/gathered.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { sizingFor } from '../../src/diagnosis/sizing-advice.ts';
import { play, START, shop } from './scene.ts';

const PERIOD_MS = 10_000;

/** A system without a change of latency, whose fullest copy used these percents of its memory, point by point. */
function withMemory(
  percents: readonly number[],
  averages = percents,
  place = (index: number) => index,
): Gathered {
  const gathered = play({ root: shop({}), seconds: [200, 0], memory: { shop: [40, 40] } });
  if (gathered.metrics === null) throw new Error('the scene has metrics');
  const timed = (values: readonly number[]) =>
    values.map((value, index) => ({ time: START + place(index) * PERIOD_MS, value }));
  const series = gathered.metrics.series.flatMap((one) =>
    one.measurand === 'memory'
      ? [
          { ...one, statistic: 'maximum' as const, points: timed(percents) },
          { ...one, statistic: 'average' as const, points: timed(averages) },
        ]
      : [one],
  );
  return { ...gathered, metrics: { ...gathered.metrics, series } };
}

const filled = [40, 50, 60, 70, 80, 92, 95, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54];

describe('memory that was full and is gone at once', () => {
  test('is told, and nothing is called well, though latency shows nothing of it', () => {
    const diagnosis = reason(withMemory(filled));
    expect(diagnosis.verdict).toBe('undetermined');
    expect(diagnosis.causes).toMatchObject([{ kind: 'memory', target: { service: 'shop' } }]);
    expect(diagnosis.causes[0]?.confidence).toBeLessThan(0.5);
    expect(diagnosis.gaps.map(({ why }) => why)).toContainEqual(
      expect.stringMatching(/fell from 95 % of the reservation to 30 % at once/),
    );
    expect(sizingFor(diagnosis)).toBeNull();
  });

  test('also where the point in between averages both processes', () => {
    const averaged = filled.map((value, index) => (index === 7 ? 60 : value));
    expect(reason(withMemory(averaged)).verdict).toBe('undetermined');
  });

  test('also where the fresh process fills up within the next point', () => {
    const fast = filled.map((value, index) => (index === 7 ? 64 : index > 7 ? 70 + index / 2 : value));
    expect(reason(withMemory(fast)).verdict).toBe('nothing-wrong');
    const averages = fast.map((value, index) => (index === 7 ? 47 : value));
    expect(reason(withMemory(fast, averages)).verdict).toBe('undetermined');
  });

  const failing = play({ root: { ...shop({}), errors: [0, 0.4] } });
  const kindsOf = (percents: readonly number[]) =>
    reason({ ...failing, metrics: withMemory(percents).metrics }).causes.map(({ kind }) => kind);

  test('is named behind requests that fail while memory is not full', () => {
    const lostAtOnset = [...Array<number>(6).fill(40), 50, 60, 70, 80, 92, 95, ...Array<number>(12).fill(30)];
    expect(kindsOf(lostAtOnset)).toEqual(['errors', 'memory']);
  });

  test('is named before requests that fail after memory has filled up', () => {
    const late = [...Array<number>(12).fill(40), ...Array<number>(11).fill(97), 30];
    expect(kindsOf(late)).toEqual(['memory', 'errors']);
  });

  test('is nothing to requests that fail long after it, nor where memory was as full before', () => {
    expect(kindsOf(filled)).toEqual(['errors']);
    const dipped = Array.from({ length: 24 }, (_, index) => (index === 5 || index === 22 ? 30 : 92));
    const [first] = kindsOf(dipped);
    expect(first).toBe('errors');
  });

  test.each([
    ['memory that was not full', filled.map((value) => value * 0.85)],
    [
      'memory that is given back bit by bit',
      filled.map((value, index) => (index < 7 ? value : 90 - 6 * (index - 6))),
    ],
    ['a reading above what there is', filled.map((value) => value * 1.2)],
    ['memory that was not read for a while', filled, filled, (index: number) => index + (index > 6 ? 9 : 0)],
    [
      'one copy of several that is fuller than the others',
      filled.map((_, index) => (index % 3 === 2 ? 84 : 86)),
      filled.map(() => 40),
    ],
    ['memory that stays full', filled.map((value, index) => (index < 7 ? value : 95))],
  ])('is not %s', (_, percents, averages = percents, place = (index: number) => index) => {
    const { gaps, causes } = reason(withMemory(percents, averages, place));
    expect(gaps.map(({ what }) => what)).not.toContainEqual(expect.stringMatching(/^What shop did/));
    expect(causes.map(({ confidence }) => confidence)).not.toContain(0.49);
  });

  test('is not the work of an update that replaced full tasks, whenever it was noted', () => {
    const old = [...Array<number>(10).fill(90), ...Array<number>(10).fill(30)];
    const released = (percents: readonly number[], seconds: number) =>
      reason({
        ...withMemory(percents),
        markers: [{ time: START + seconds * 1000, title: 'Release 7' }],
      }).verdict;
    expect(released(old, 80)).toBe('nothing-wrong');
    expect(released(old, 120)).toBe('nothing-wrong');
    expect(released(old, -3_600)).toBe('undetermined');
  });

  test('is not excused by a release that came before memory filled up', () => {
    const leaky = [...Array<number>(8).fill(60), 65, 70, 80, 90, 95, ...Array<number>(7).fill(30)];
    const update = {
      kind: 'update' as const,
      result: 'succeeded' as const,
      start: START + 70_000,
      end: START + 75_000,
      message: 'Release 8',
      changes: { update: 1 },
    };
    const updates = [{ stack: 'organization/shop/prod', backend: 'file:///state', update }];
    expect(reason({ ...withMemory(leaky), updates }).verdict).toBe('undetermined');
    const full = leaky.map((value, index) => (index < 8 ? 90 : value));
    expect(reason({ ...withMemory(full), updates }).verdict).toBe('nothing-wrong');
  });

  test('crashes nothing where points have no time that can be', () => {
    const gathered = withMemory(filled, filled, (index) => (index === 6 ? 1e13 : index));
    expect(() => reason(gathered)).not.toThrow();
    expect(() => reason(withMemory(filled, filled, () => Number.NaN))).not.toThrow();
  });
});
