import { describe, expect, test } from 'vitest';
import { narrate, narrateForModel } from '../../src/diagnosis/narrate.ts';
import { poolPoints } from '../../src/diagnosis/reason/bins.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { findShift } from '../../src/diagnosis/reason/symptom.ts';
import { sizingFor } from '../../src/diagnosis/sizing-advice.ts';
import { play, type Scene, START, shop } from './scene.ts';

const MINUTE = 60_000;
const starved: Scene = {
  root: shop({ own: 12, model: 1.4, index: 8 }),
  cpu: { shop: [35, 99] },
  rate: [5, 4],
};

describe('a process out of CPU', () => {
  const diagnosis = reason(play(starved));

  test('is named with its task definition, and explains the slowdown', () => {
    expect(diagnosis.verdict).toBe('cause');
    expect(diagnosis.causes[0]).toMatchObject({
      kind: 'cpu',
      target: {
        service: 'shop',
        resource: 'urn:pulumi:prod::shop::aws:ecs/taskDefinition:TaskDefinition::shop',
        property: 'cpu',
      },
    });
    expect(diagnosis.causes[0]?.share).toBeGreaterThan(0.8);
    expect(diagnosis.causes[0]?.confidence).toBeGreaterThan(0.85);
  });

  test('rests on utilisation, reservation and its own time before and after', () => {
    const cited = diagnosis.evidence.filter((one) => diagnosis.causes[0]?.evidence.includes(one.id));
    expect(cited.map((one) => one.kind).sort()).toEqual([
      'breakdown',
      'latency',
      'reservation',
      'utilisation',
    ]);
    const numbers = Object.fromEntries(cited.flatMap((one) => one.numbers.map((n) => [n.name, n.value])));
    expect(numbers['utilisation now']).toBe(99);
    expect(numbers['CPU reserved']).toBe(512);
    expect(numbers['own time now']).toBeGreaterThan(
      8 * (numbers['own time before'] ?? Number.POSITIVE_INFINITY),
    );
  });

  test('takes its waiting client spans along: what it calls is not blamed', () => {
    expect(diagnosis.causes.map((cause) => cause.kind)).toEqual(['cpu']);
    const dependencies = diagnosis.ruledOut.filter((one) => one.kind === 'dependency');
    expect(dependencies.map((one) => one.target.dependency)).toEqual(
      expect.arrayContaining(['acme-models (models.example:443)', 'opensearch (index.example:443)']),
    );
  });

  test('leads from the resource through the operation to the symptom', () => {
    expect(diagnosis.cascade[0]).toEqual(diagnosis.causes[0]?.target);
    expect(diagnosis.cascade.at(-1)).toEqual({ service: 'shop', operation: 'GET /offers' });
  });

  test('gets a valid larger size with an argued effect', () => {
    const advice = sizingFor(diagnosis);
    expect(advice?.to).toEqual({ cpuUnits: 1024, memoryMiB: 2048 });
    expect(advice?.p95After).toBeGreaterThan(0);
    expect(advice?.p95After).toBeLessThan(advice?.p95Before ?? 0);
    expect(advice?.reasoning.join(' ')).toContain('doubled');
  });

  test('is told from saturation alone when all of the time is one regime, with less confidence', () => {
    const alone = reason(play({ ...starved, seconds: [0, 120] }));
    expect(alone.verdict).toBe('cause');
    expect(alone.causes[0]).toMatchObject({ kind: 'cpu', share: null });
    expect(alone.causes[0]?.confidence).toBeLessThan(0.7);
  });

  test('is still found when bursts keep its average below the limit, with less confidence', () => {
    const bursts = reason(play({ ...starved, cpu: { shop: [20, 75] } }));
    expect(bursts.verdict).toBe('cause');
    expect(bursts.causes[0]?.kind).toBe('cpu');
    expect(bursts.causes[0]?.confidence).toBeLessThan(diagnosis.causes[0]?.confidence ?? 0);
  });
});

describe('a slow model outside', () => {
  const diagnosis = reason(play({ root: shop({ model: 7 }), cpu: { shop: [35, 12] }, rate: [5, 2] }));

  test('is the cause, and the infrastructure is not', () => {
    expect(diagnosis.verdict).toBe('infrastructure-is-not-the-cause');
    expect(diagnosis.causes[0]).toMatchObject({
      kind: 'dependency',
      target: { service: 'shop', dependency: 'acme-models (models.example:443)' },
    });
    expect(diagnosis.causes[0]?.share).toBeGreaterThan(0.9);
  });

  test('forbids a change of size', () => {
    expect(sizingFor(diagnosis)).toBeNull();
    expect(sizingFor({ ...diagnosis, verdict: 'cause' })).toBeNull();
  });

  test('rules out CPU with the number that says so', () => {
    const cpu = diagnosis.ruledOut.find((one) => one.kind === 'cpu');
    expect(cpu?.reason).toContain('12 %');
    expect(diagnosis.evidence.map((one) => one.id)).toEqual(
      expect.arrayContaining([...(cpu?.evidence ?? [''])]),
    );
  });

  test('stays the cause beside a saturated machine whose own steps are as fast as ever', () => {
    const busy = reason(play({ root: shop({ model: 7 }), cpu: { shop: [95, 96] } }));
    expect(busy.verdict).toBe('infrastructure-is-not-the-cause');
    expect(busy.causes[0]?.kind).toBe('dependency');
  });

  test('is found with less confidence when the machine could not be read', () => {
    const blind = reason(play({ root: shop({ model: 7 }), cpu: { shop: null } }));
    expect(blind.causes[0]?.kind).toBe('dependency');
    expect(blind.causes[0]?.confidence).toBeLessThan(diagnosis.causes[0]?.confidence ?? 0);
  });

  test('that is a resource of the stack makes infrastructure the cause, still without a change of task size', () => {
    const gathered = play({ root: shop({ index: 60 }), cpu: { shop: [35, 30] } });
    const urn = 'urn:pulumi:prod::shop::aws:opensearch/domain:Domain::index';
    const inStack = reason({
      ...gathered,
      endpoints: [{ urn, name: 'index', host: 'index.example', port: null }],
    });
    expect(inStack.verdict).toBe('cause');
    expect(inStack.causes[0]).toMatchObject({ kind: 'dependency', target: { resource: urn } });
    expect(sizingFor(inStack)).toBeNull();
  });
});

describe('nothing wrong', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('noise alone is not an incident (seed %i)', (seed) => {
    const diagnosis = reason(play({ root: shop({}), seed, noise: 0.5 }));
    expect(diagnosis.verdict).toBe('nothing-wrong');
    expect(diagnosis.causes).toEqual([]);
  });

  test.each([1, 2, 3])(
    'a busy host that slows everything by 40 % does not make it sick (seed %i)',
    (seed) => {
      const slower = shop({ own: 1.4, model: 1.4, index: 1.4 });
      expect(reason(play({ root: slower, seed, cpu: { shop: [30, 28] } })).verdict).toBe('nothing-wrong');
    },
  );

  test('a slowdown that is over is mentioned, not diagnosed', () => {
    const gathered = play({ root: shop({}), seconds: [60, 120] });
    const [entry] = gathered.entries.rows;
    const slow = (time: number): boolean => time >= START + 60 * 1000 && time < START + 110 * 1000;
    const points = entry?.points.map((point) =>
      slow(point.time) ? { ...point, p50: point.p50 * 6, p95: point.p95 * 6, p99: point.p99 * 6 } : point,
    );
    if (entry === undefined || points === undefined) throw new Error('the scene has no entry');
    const diagnosis = reason({ ...gathered, entries: { ...gathered.entries, rows: [{ ...entry, points }] } });
    expect(diagnosis.verdict).toBe('nothing-wrong');
    expect(diagnosis.gaps.map((gap) => gap.what)).toContain('A slow period that is over');
  });

  test('full CPU that little of a request depends on is no cause', () => {
    const waiting = shop({ own: 0.2 });
    const diagnosis = reason(play({ root: waiting, seconds: [0, 120], cpu: { shop: [99, 99] } }));
    expect(diagnosis.verdict).toBe('nothing-wrong');
  });
});

describe('other answers', () => {
  test('too few requests carry no conclusion', () => {
    const diagnosis = reason(play({ ...starved, seconds: [0, 2] }));
    expect(diagnosis.verdict).toBe('undetermined');
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.gaps.some((gap) => gap.why.includes('Fewer than'))).toBe(true);
  });

  test('own time that grew without metrics is undetermined, with the suspicion and low confidence', () => {
    const diagnosis = reason(play({ ...starved, cpu: { shop: null } }));
    expect(diagnosis.verdict).toBe('undetermined');
    expect(diagnosis.causes[0]?.confidence).toBeLessThan(0.5);
    expect(sizingFor(diagnosis)).toBeNull();
  });

  test('own time that grew on an idle machine is the application', () => {
    const root = shop({});
    const [rank, ...others] = root.children ?? [];
    if (rank === undefined) throw new Error('the shop ranks');
    const locked = { ...root, children: [{ ...rank, own: [15, 900] as const }, ...others] };
    const diagnosis = reason(play({ root: locked, cpu: { shop: [30, 25] } }));
    expect(diagnosis.verdict).toBe('infrastructure-is-not-the-cause');
    expect(diagnosis.causes[0]).toMatchObject({ kind: 'application', target: { operation: 'rank' } });
  });

  test('many more calls are the caller’s doing', () => {
    const root = shop({});
    const children = (root.children ?? []).map((child) =>
      child.operation === 'search' ? { ...child, calls: [1, 60] as const } : child,
    );
    const diagnosis = reason(play({ root: { ...root, children } }));
    expect(diagnosis.causes[0]).toMatchObject({ kind: 'application', target: { operation: 'GET /offers' } });
  });

  test('a slow way between two services is the network, and a saturated callee is not', () => {
    const chain = (gap: number, work: number) => ({
      service: 'front',
      operation: 'GET /',
      kind: 'server' as const,
      own: [2, 2] as const,
      children: [
        {
          service: 'front',
          operation: 'GET',
          kind: 'client' as const,
          own: [2, gap] as const,
          children: [
            { service: 'back', operation: 'GET /x', kind: 'server' as const, own: [40, work] as const },
          ],
        },
      ],
    });
    const network = reason(play({ root: chain(300, 40), cpu: { front: [20, 20], back: [20, 20] } }));
    expect(network.causes[0]).toMatchObject({ kind: 'network', target: { service: 'back' } });
    const queue = reason(play({ root: chain(300, 400), cpu: { front: [20, 20], back: [40, 98] } }));
    expect(queue.causes[0]).toMatchObject({ kind: 'cpu', target: { service: 'back' } });
    expect(queue.causes[0]?.share).toBeGreaterThan(0.9);
  });

  test('failing requests are errors, where they start', () => {
    const root = shop({});
    const children = (root.children ?? []).map((child) =>
      child.operation === 'search' ? { ...child, errors: [0, 0.5] as const } : child,
    );
    const diagnosis = reason(play({ root: { ...root, errors: [0, 0.5] as const, children } }));
    expect(diagnosis.causes[0]).toMatchObject({ kind: 'errors', target: { operation: 'search' } });
  });
});

describe('changes', () => {
  const update = (atSeconds: number) => ({
    kind: 'update' as const,
    result: 'succeeded' as const,
    start: START + atSeconds * 1000 - 5_000,
    end: START + atSeconds * 1000,
    message: 'more logging',
    changes: { update: 1, same: 12 },
  });

  test.each([
    ['after the onset', 170, ['1', '1'], 'after the slowdown'],
    ['before all of the baseline', -20, ['1', '1'], 'came after it'],
    ['before the onset, and the same version ran on', 60, ['1', '1'], 'same versions'],
  ] as const)('an update %s is ruled out', (_when, at, revisions, words) => {
    const diagnosis = reason(play({ ...starved, updates: [update(at)], revisions }));
    const ruled = diagnosis.ruledOut.filter((one) => one.kind === 'change');
    expect(ruled.map((one) => one.reason).join(' ')).toContain(words);
    expect(diagnosis.causes.map((cause) => cause.kind)).not.toContain('change');
  });

  test('a new version that came with the onset is a suspect beside the mechanism', () => {
    const diagnosis = reason(play({ ...starved, updates: [update(119)], revisions: ['1', '2'] }));
    expect(diagnosis.causes.map((cause) => cause.kind)).toEqual(['cpu', 'change']);
    expect(diagnosis.changes).toEqual([
      { time: START + 2 * MINUTE - 1_000, kind: 'stack-update', title: 'Update “more logging”' },
    ]);
  });
});

describe('words', () => {
  test('are made from the structure', () => {
    const { headline, sentences } = narrate(reason(play(starved)));
    expect(headline).toContain('out of CPU');
    expect(sentences.join(' ')).toContain('99 %');
    expect(narrateForModel(reason(play(starved)))).toMatch(/^cause: .*ev_[0-9a-f]{12}/);
  });

  test('hold names of any length on one line', () => {
    const root = { ...shop({}), operation: `GET /\n${'x'.repeat(5_000)}` };
    const { headline } = narrate(reason(play({ root })));
    expect(headline.length).toBeLessThan(300);
    expect(headline).not.toContain('\n');
  });
});

describe('more load than the task was made for', () => {
  const busy: Scene = {
    root: shop({ own: 12, model: 1.4, index: 8 }),
    cpu: { shop: [45, 99] },
    rate: [5, 15],
  };
  const diagnosis = reason(play(busy));

  test('is traffic first, and the processor that it fills', () => {
    expect(diagnosis.causes.map(({ kind }) => kind)).toEqual(['traffic', 'cpu']);
  });

  test('is helped by size all the same', () => {
    expect(sizingFor(diagnosis)).toMatchObject({ kind: 'cpu', to: { cpuUnits: 1024 } });
  });

  test('of another service than the one whose processor is full is not', () => {
    const [traffic, cpu] = diagnosis.causes;
    if (traffic === undefined || cpu === undefined) throw new Error('two causes were expected');
    const elsewhere = { ...traffic, target: { service: 'another' } };
    expect(sizingFor({ ...diagnosis, causes: [elsewhere, cpu] })).toBeNull();
  });
});

describe('memory', () => {
  const full = (before: number, after: number): ReturnType<typeof reason> =>
    reason(
      play({
        root: shop({ own: 12 }),
        cpu: { shop: [40, 96] },
        memory: { shop: [before, after] },
      }),
    );

  test('that ran full with the slowdown comes before the processor that its collection keeps busy', () => {
    expect(full(40, 94).causes[0]).toMatchObject({ kind: 'memory', target: { property: 'memory' } });
  });

  test('that was nearly as full before explains no change', () => {
    expect(full(88, 92).causes[0]?.kind).toBe('cpu');
  });
});

describe('a leak', () => {
  test('that rises without a step is found', () => {
    const points = Array.from({ length: 60 }, (_, index) => {
      const level = 400 * (index < 20 ? 1 : 1 + (index - 20) / 25);
      const wobble = 1 + 0.08 * Math.sin(index * 2.4);
      return {
        time: START + index * 2_000,
        count: 10,
        errors: 0,
        p50: level * wobble,
        p95: level * 1.4,
        p99: level * 1.5,
      };
    });
    const shift = findShift(poolPoints(points, 2_000)).shift;
    expect(shift?.level).toBe('p50');
    expect((shift?.after ?? 0) / (shift?.before ?? 1)).toBeGreaterThan(1.5);
  });
});
