import type { CallRow, Gathered, InstanceRow, WindowName } from '../../src/diagnosis/gather/gathered.ts';

/** The same case with less to go by, as other systems have it. */
export interface Variant {
  readonly name: string;
  readonly of: (gathered: Gathered) => readonly Gathered[];
}

/** As gathered, and with one or two baseline windows, without metrics, and without what only the local store computes. */
export const VARIANTS: readonly Variant[] = [
  { name: 'as gathered', of: (gathered) => [gathered] },
  {
    name: 'one baseline',
    of: (gathered) => gathered.windows.baselines.map((_, index) => withBaselines(gathered, [index])),
  },
  {
    name: 'two baselines',
    of: (gathered) => (gathered.windows.baselines.length < 3 ? [] : [withBaselines(gathered, [0, 1])]),
  },
  { name: 'no metrics', of: (gathered) => [withoutMetrics(gathered)] },
  { name: 'no parents’ durations', of: (gathered) => [withoutParents(gathered)] },
  {
    name: 'one baseline, no metrics',
    of: (gathered) => [withoutMetrics(withBaselines(gathered, [0]))],
  },
];

function withBaselines(gathered: Gathered, kept: readonly number[]): Gathered {
  const names = new Map<string, WindowName>(kept.map((from, to) => [`baseline-${from}`, `baseline-${to}`]));
  const rename = <T extends CallRow | InstanceRow>(rows: readonly T[]): readonly T[] =>
    rows.flatMap((row) => {
      const window = row.window === 'incident' ? row.window : names.get(row.window);
      return window === undefined ? [] : [{ ...row, window }];
    });
  const { calls, instances, windows } = gathered;
  return {
    ...gathered,
    windows: { ...windows, baselines: windows.baselines.filter((_, index) => kept.includes(index)) },
    calls: calls && { ...calls, rows: rename(calls.rows) },
    instances: instances && { ...instances, rows: rename(instances.rows) },
  };
}

function withoutMetrics(gathered: Gathered): Gathered {
  return { ...gathered, metrics: null };
}

function withoutParents(gathered: Gathered): Gathered {
  const { calls } = gathered;
  return {
    ...gathered,
    calls: calls && { ...calls, rows: calls.rows.map((row) => ({ ...row, parent: null })) },
  };
}
