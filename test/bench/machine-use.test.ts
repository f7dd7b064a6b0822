import { describe, expect, test } from 'vitest';
import { withUse } from '../../bench/rca/machine-use.ts';

const readings = (metric: string, values: readonly number[], service = 'a') =>
  values.map((value, index) => ({ time: index * 60, service, instance: null, metric, value }));

const percents = (metric: string, values: readonly number[]) =>
  withUse(readings(metric, values)).map(({ use }) => use && Number(use.percent.toFixed(1)));

describe('What a reading says of a machine’s use', () => {
  test('is what it is in percent, and a hundredfold of a share', () => {
    expect(percents('CPUUtilization', [20, 95])).toEqual([20, 95]);
    expect(percents('cpu_utilization', [0.2, 0.95])).toEqual([20, 95]);
    // One that idles in all of the file would be taken for a share; one busy service in it tells.
    const idle = withUse([
      ...readings('CPUUtilization', [0.4, 1.2]),
      ...readings('CPUUtilization', [80], 'b'),
    ]);
    expect(idle.map(({ use }) => use?.percent)).toEqual([0.4, 1.2, 80]);
  });

  test.each([
    ['cores', 'cpu', 1],
    ['millicores', 'cpu_usage', 1000],
    ['nanoseconds a second', 'container_cpu_usage', 1e9],
  ])('of %s is measured by the most that was used, in whatever unit', (_, metric, unit) => {
    const quiet = [0.1, 0.12, 0.11, 0.1, 0.13, 0.12];
    const busy = [...quiet, 1.4];
    expect(
      percents(
        metric,
        busy.map((value) => value * unit),
      ).at(-1),
    ).toBe(100);
    // What stays as it was has not been at any limit.
    for (const percent of percents(
      metric,
      quiet.map((value) => value * unit),
    ))
      expect(percent).toBeLessThan(40);
  });

  test('of bytes is memory’s, by each copy for itself', () => {
    const both = withUse([
      ...readings('container_memory_working_set_bytes', [1e8, 1e8, 1e8, 9e8]),
      ...readings('container_memory_working_set_bytes', [9e8, 9e8], 'b'),
    ]);
    expect(both.map(({ use }) => use?.measurand)).toEqual(Array(6).fill('memory'));
    expect(both[3]?.use?.percent).toBe(100);
    expect(both[5]?.use?.percent).toBeCloseTo(33.3, 1);
  });

  test('is nothing for what was reserved, held back, or is the node’s, nor for cores beside percent', () => {
    for (const metric of [
      'cpu_limit',
      'NodeCPUUtilization',
      'cpu_throttled',
      'memory_requests_used',
      'latency',
    ])
      expect(percents(metric, [1, 50, 90])).toEqual([null, null, null]);
    const both = withUse([...readings('CPUUtilization', [10, 90]), ...readings('cpu', [0.1, 3])]);
    expect(both.map(({ use }) => use?.percent ?? null)).toEqual([10, 90, null, null]);
  });

  test('does not hang on one odd reading', () => {
    const shares = Array.from({ length: 2_000 }, (_, index) => (index === 7 ? 1.7 : 0.98));
    expect(percents('cpu_utilization', shares).at(-1)).toBe(98);
    const named = Array.from({ length: 2_000 }, (_, index) => (index === 7 ? 104 : 98));
    expect(percents('cpu', named).at(-1)).toBe(98);
  });

  test('is in cores where some copies use several', () => {
    const both = withUse([...readings('cpu', [0.2, 0.2, 0.2, 0.9]), ...readings('cpu', [6, 6, 6, 6], 'b')]);
    expect(both[3]?.use?.percent).toBe(100);
    expect(both[7]?.use?.percent).toBeCloseTo(33.3, 1);
  });

  test('is no counter, which only ever rises', () => {
    const seconds = Array.from({ length: 20 }, (_, index) => index * 3);
    expect(percents('container_cpu_usage_seconds_total', seconds)).toEqual(Array(20).fill(null));
    expect(percents('cpu_usage', [...seconds, 1])).not.toContain(null);
  });

  test('is told service by service', () => {
    const both = withUse([
      ...readings('jvm_memory_used_percent', [50, 90]),
      ...readings('memory_rss', [1e8, 1e8, 1e8, 9e8], 'b'),
    ]);
    expect(both.at(-1)?.use?.percent).toBe(100);
  });

  test('never divides by nothing', () => {
    for (const percent of percents('cpu', [0, 0, 0])) expect(percent).toBe(0);
  });
});
