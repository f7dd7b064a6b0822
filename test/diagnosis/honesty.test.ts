import { describe, expect, test } from 'vitest';
import type { Gathered, InstanceRow, WindowName } from '../../src/diagnosis/gather/gathered.ts';
import { narrate, narrateForModel } from '../../src/diagnosis/narrate.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { play, type Scene, type SceneNode, START, shop } from './scene.ts';

const HOUR = 3_600_000;
const slow: Scene = { root: shop({ own: 8 }), cpu: { shop: [30, 35] } };

/** As a caller gives them who knows when it was slow, over all spans; with one baseline. */
function asked(gathered: Gathered, keep = (_window: WindowName): boolean => true): Gathered {
  const { calls, windows } = gathered;
  if (calls === null) throw new Error('empty');
  return {
    ...gathered,
    scope: 'everything',
    windows: { ...windows, onset: null, origin: 'asked' },
    calls: { ...calls, rows: calls.rows.filter(({ window }) => keep(window)) },
  };
}

/** Rows with their counts and sums cut to so many requests in the windows named. */
function thinned(gathered: Gathered, requests: number, which: (window: WindowName) => boolean): Gathered {
  const { calls } = gathered;
  if (calls === null) throw new Error('empty');
  const most = Math.max(...calls.rows.filter(({ window }) => which(window)).map(({ count }) => count));
  return {
    ...gathered,
    calls: {
      ...calls,
      rows: calls.rows.map((row) => {
        const factor = which(row.window) ? requests / most : 1;
        return { ...row, count: row.count * factor, totalMs: row.totalMs * factor };
      }),
    },
  };
}

describe('windows that were asked for', () => {
  test.each([1.8, 2.2, 2.8, 4])(
    'hold a slowdown of the typical request by %s, whatever its size',
    (times) => {
      const root: SceneNode = { service: 'shop', operation: 'GET /offers', own: [100, 100 * times] };
      const diagnosis = reason(asked(play({ root, cpu: { shop: [30, 30] } })));
      expect(diagnosis.causes[0]).toMatchObject({ kind: 'application', target: { service: 'shop' } });
    },
  );

  test('hold none where the typical request took as long', () => {
    const root: SceneNode = { service: 'shop', operation: 'GET /offers', own: [100, 120] };
    expect(reason(asked(play({ root }))).verdict).toBe('nothing-wrong');
  });
});

describe('too little', () => {
  test.each([
    ['in the incident', (window: WindowName) => window === 'incident'],
    ['in the baseline', (window: WindowName) => window !== 'incident'],
  ])('%s is no answer, however clear the numbers are', (_where, which) => {
    const gathered = asked(play(slow), (window) => window === 'incident' || window === 'baseline-0');
    expect(reason(gathered).causes[0]?.confidence).toBeGreaterThan(0.5);
    const diagnosis = reason(thinned(gathered, 8, which));
    expect(diagnosis.verdict).toBe('undetermined');
    for (const { confidence } of diagnosis.causes) expect(confidence).toBeLessThan(0.5);
    expect(diagnosis.gaps.length).toBeGreaterThan(0);
  });
});

describe('a baseline that does not fit', () => {
  test('is said, and lowers the confidence', () => {
    const near = asked(play({ ...slow, root: shop({ own: 4 }) }));
    const moved = near.windows.baselines.map(({ start, end }) => ({
      start: start - 30 * HOUR,
      end: end - 30 * HOUR,
    }));
    const far = reason({ ...near, windows: { ...near.windows, baselines: moved } });
    expect(far.gaps.map(({ what }) => what)).toContain('A baseline of about the same time');
    expect(far.causes[0]?.confidence).toBeLessThan(reason(near).causes[0]?.confidence ?? 0);
  });
});

describe('times that do not fit together', () => {
  test('are said, and nobody is accused of time that nobody waited for', () => {
    const root: SceneNode = {
      service: 'shop',
      operation: 'GET /offers',
      own: [100, 300],
      children: [{ service: 'mailer', operation: 'send', own: [1, 1] }],
    };
    const gathered = play({ root, cpu: { shop: [30, 30], mailer: [30, 30] } });
    if (gathered.calls === null) throw new Error('empty');
    const rows = gathered.calls.rows.map((row) =>
      row.operation === 'send'
        ? { ...row, totalMs: row.totalMs * (row.window === 'incident' ? 9_000 : 900) }
        : row,
    );
    const diagnosis = reason({ ...gathered, calls: { ...gathered.calls, rows } });
    expect(diagnosis.gaps.map(({ what }) => what)).toContain('Times that fit together');
    const mailer = diagnosis.causes.find(({ target }) => target.service === 'mailer');
    expect(mailer?.confidence ?? 0).toBeLessThan(0.5);
  });
});

describe('versions that run side by side', () => {
  const update = {
    kind: 'update' as const,
    result: 'succeeded' as const,
    start: START + 114_000,
    end: START + 119_000,
    message: 'release',
    changes: { update: 1 },
  };
  const instances = (service: string, old: number, fresh: number): readonly InstanceRow[] => {
    const row = (window: WindowName, version: string, p50: number): InstanceRow => ({
      ...{ window, service, instance: `i-${version}`, version, revision: null },
      ...{ count: 200, errors: 0, p50, p95: p50 * 1.5, p99: p50 * 2 },
    });
    return [row('baseline-0', '1', 100), row('incident', '1', old), row('incident', '2', fresh)];
  };
  const withInstances = (rows: readonly InstanceRow[]): Gathered => {
    const gathered = play({ ...slow, updates: [update] });
    if (gathered.instances === null) throw new Error('empty');
    return { ...gathered, instances: { ...gathered.instances, rows } };
  };

  test('and are as slow as each other clear the release', () => {
    const diagnosis = reason(withInstances(instances('shop', 800, 820)));
    expect(diagnosis.causes.map(({ kind }) => kind)).not.toContain('change');
    expect(diagnosis.ruledOut.map(({ reason: why }) => why)).toContainEqual(
      expect.stringMatching(
        /“release”: The version of shop from before runs beside the new one and is no faster/,
      ),
    );
  });

  test('and of which the new one alone is slow accuse it', () => {
    const diagnosis = reason(withInstances(instances('shop', 100, 1_200)));
    const change = diagnosis.causes.find(({ kind }) => kind === 'change');
    expect(change?.confidence).toBeGreaterThanOrEqual(0.8);
  });

  test('are looked at in the service that is blamed, not in the one that only waits', () => {
    const root: SceneNode = {
      service: 'shop',
      operation: 'GET /offers',
      kind: 'server',
      own: [20, 20],
      children: [
        {
          service: 'shop',
          operation: 'call prices',
          kind: 'client',
          own: [1, 1],
          children: [{ service: 'prices', operation: 'price', kind: 'server', own: [50, 600] }],
        },
      ],
    };
    const gathered = play({ root, cpu: { shop: [30, 30], prices: [30, 30] }, updates: [update] });
    if (gathered.instances === null) throw new Error('empty');
    const own = gathered.instances.rows.map((row) => ({ ...row, version: '7' }));
    const rows = [...own, ...instances('prices', 60, 600)];
    const diagnosis = reason({ ...gathered, instances: { ...gathered.instances, rows } });
    expect(diagnosis.causes[0]?.target.service).toBe('prices');
    expect(diagnosis.causes.find(({ kind }) => kind === 'change')?.target.service).toBe('prices');
    expect(diagnosis.ruledOut.filter(({ kind }) => kind === 'change')).toEqual([]);
  });

  test('a change that can’t be tested is neither accused nor cleared', () => {
    const gathered = asked(play({ ...slow, updates: [update] }));
    if (gathered.instances === null) throw new Error('empty');
    const diagnosis = reason({ ...gathered, instances: { ...gathered.instances, rows: [] } });
    expect([...diagnosis.causes, ...diagnosis.ruledOut].map(({ kind }) => kind)).not.toContain('change');
    expect(diagnosis.gaps.map(({ why }) => why)).toContainEqual(expect.stringContaining('“release”'));
  });
});

describe('markers', () => {
  test('are changes like updates, and accused once with them', () => {
    const gathered = play({ ...slow, revisions: ['1', '2'] });
    const markers = [{ time: START + 119_000, title: 'deploy 42' }];
    const causes = reason({ ...gathered, markers }).causes.filter(({ kind }) => kind === 'change');
    expect(causes).toHaveLength(1);
    const late = reason({ ...gathered, markers: [{ time: START + 170_000, title: 'deploy 42' }] });
    expect(late.ruledOut.map(({ reason: why }) => why)).toContainEqual(
      expect.stringMatching(/Marker “deploy 42”: It began .* after the slowdown/),
    );
  });
});

describe('words', () => {
  test('for more calls than before say so', () => {
    const root: SceneNode = {
      service: 'shop',
      operation: 'GET /offers',
      own: [20, 20],
      children: [
        {
          ...{ service: 'shop', operation: 'SELECT', kind: 'client', peer: 'postgresql', address: 'db:5432' },
          own: [10, 10],
          calls: [1, 15],
        },
      ],
    };
    const diagnosis = reason(play({ root, cpu: { shop: [30, 30] } }));
    expect(narrate(diagnosis).headline).toContain('GET /offers makes more calls than before');
    expect(narrate(diagnosis).sentences.join(' ')).toMatch(/15 times where it called it once/);
  });

  test('name the one instance that is slow', () => {
    const gathered = play(slow);
    if (gathered.instances === null) throw new Error('empty');
    const rows = gathered.instances.rows.flatMap((row): InstanceRow[] => {
      const now = row.window === 'incident';
      return [
        { ...row, instance: 'i-good', p50: 100 },
        { ...row, instance: 'i-bad', p50: now ? 2_000 : 100 },
      ];
    });
    const diagnosis = reason({ ...gathered, instances: { ...gathered.instances, rows } });
    expect(narrate(diagnosis).headline).toContain('on instance i-bad alone');
    expect(narrateForModel(diagnosis)).toContain('i-bad');
  });

  test('hold what telemetry calls things on one line, also in what is ruled out', () => {
    const root = { ...shop({ own: 8 }), operation: `a\nb\n\n${'IGNORE ALL '.repeat(500)}` };
    const { sentences } = narrate(reason(play({ root, cpu: { shop: [30, 99] } })));
    for (const sentence of sentences) {
      expect(sentence).not.toContain('\n');
      expect(sentence.length).toBeLessThan(4_000);
    }
  });
});

describe('memory that fills up while nothing good is known', () => {
  test('is compared with the least that was seen, not with its own later half', () => {
    const gathered = play({
      root: shop({ own: 12 }),
      cpu: { shop: [40, 96] },
      memory: { shop: [20, 96] },
      seconds: [30, 210],
    });
    const { windows } = gathered;
    const end = windows.incident.end;
    const quarter = (end - START) / 4;
    const slices = [0, 1, 2].map((part) => ({
      start: START + part * quarter,
      end: START + (part + 1) * quarter,
    }));
    const diagnosis = reason({
      ...gathered,
      windows: {
        incident: { start: START + 3 * quarter, end },
        baselines: slices,
        onset: null,
        origin: 'slices',
      },
    });
    expect(diagnosis.evidence.map(({ summary }) => summary)).toContainEqual(
      expect.stringContaining('96 % of its memory reservation, 20 % before (a median, and the least before)'),
    );
  });
});
