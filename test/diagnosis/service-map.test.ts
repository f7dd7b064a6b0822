import { describe, expect, it } from 'vitest';
import { type NodeSeries, reasonFromMap } from '../../src/diagnosis/reason/service-map/service-map.ts';

describe('Reasoning from a service map', () => {
  const CALLS = [
    { caller: 'site', callee: 'search' },
    { caller: 'search', callee: 'table' },
    { caller: 'site', callee: 'pay' },
    { caller: 'elsewhere', callee: 'search' },
  ];
  const series = (values: readonly number[], requests: number, measure = 'latency', from = 0): NodeSeries =>
    new Map([
      [`${measure}:Average`, new Map(values.map((value, index) => [from + 300 * index, value]))],
      ['requests:Sum', new Map(values.map((_, index) => [from + 300 * index, requests]))],
    ]);
  const wander = (level: number): number[] =>
    Array.from({ length: 60 }, (_, i) => level * (1 + 0.03 * Math.sin(i * 2.4)));
  const baseline = new Map([
    ['site', series(wander(0.1), 500)],
    ['search', series(wander(0.02), 800)],
    ['table', series(wander(0.01), 900)],
    ['pay', series(wander(0.2), 100)],
    ['elsewhere', series(wander(0.05), 60)],
  ]);
  const later = (nodes: Readonly<Record<string, [number[], number]>>, measure = 'latency') =>
    new Map(
      Object.entries(nodes).map(([node, [values, requests]]) => [
        node,
        series(values, requests, measure, 1e6),
      ]),
    );
  const ask = (incidentNodes: ReadonlyMap<string, NodeSeries>, before = baseline) =>
    reasonFromMap({
      node: 'site',
      measure: 'latency',
      reading: 'latency:Average',
      requests: 'requests:Sum',
      calls: CALLS,
      incident: incidentNodes,
      baseline: before,
    });

  it('names the deepest node that explains the symptom', () => {
    const { verdict, ranking } = ask(
      later({
        site: [[0.1, 0.1, 0.18, 0.18, 0.1], 500],
        search: [[0.02, 0.02, 0.07, 0.07, 0.02], 800],
        table: [[0.01, 0.01, 0.01, 0.01, 0.01], 900],
        pay: [[0.2, 0.2, 0.2, 0.2, 0.2], 100],
      }),
    );
    expect(verdict).toBe('cause');
    expect(ranking[0]?.target).toBe('search');
  });

  it('goes on to the node behind it', () => {
    const { ranking } = ask(
      later({
        site: [[0.1, 0.1, 0.18, 0.18, 0.1], 500],
        search: [[0.02, 0.02, 0.07, 0.07, 0.02], 800],
        table: [[0.01, 0.01, 0.055, 0.055, 0.01], 900],
      }),
    );
    expect(ranking[0]?.target).toBe('table');
  });

  it('does not accuse what is different all the time, as against a baseline of another month', () => {
    const { verdict } = ask(
      later({ site: [[0.102, 0.1, 0.101, 0.1, 0.1], 500], pay: [[0.6, 0.6, 0.61, 0.6, 0.6], 100] }),
    );
    expect(verdict).toBe('nothing-wrong');
  });

  it('does not accuse a blip, or a node that the symptom does not call', () => {
    const blip = ask(
      later({ site: [[0.1, 0.1, 0.18, 0.1, 0.1], 500], pay: [[0.2, 0.2, 0.6, 0.2, 0.2], 100] }),
    );
    expect(blip.verdict).toBe('nothing-wrong');
    const aside = ask(
      later({ site: [[0.1, 0.1, 0.18, 0.18, 0.1], 500], elsewhere: [[0.05, 0.05, 0.9, 0.9, 0.05], 60] }),
    );
    expect(aside.ranking.map((one) => one.target)).not.toContain('elsewhere');
  });

  it('finds an incident that is under way in every point there is', () => {
    const { verdict, ranking } = ask(
      later({
        site: [[0.2, 0.21, 0.2], 500],
        search: [[0.09, 0.091, 0.09], 800],
        pay: [[0.2, 0.2, 0.2], 100],
      }),
    );
    expect(verdict).toBe('cause');
    expect(ranking[0]?.target).toBe('search');
  });

  it('is undetermined when the symptom’s node was not measured', () => {
    expect(ask(new Map()).verdict).toBe('undetermined');
  });
});
