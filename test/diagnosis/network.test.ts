import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { generator, play, type Scene, type SceneNode } from './scene.ts';

type Change = readonly [before: number, after: number];

function callTo(service: string, way: Change): SceneNode {
  return {
    service: 'front',
    operation: `call ${service}`,
    kind: 'client',
    own: way,
    children: [{ service, operation: `serve ${service}`, kind: 'server', own: [20, 20] }],
  };
}

/** front calls back and side, and a model outside that sends no spans; numbers are milliseconds spent on each way. */
function front(ways: { readonly back: Change; readonly side: Change; readonly model?: Change }): SceneNode {
  return {
    service: 'front',
    operation: 'GET /',
    kind: 'server',
    own: [5, 5],
    children: [
      callTo('back', ways.back),
      callTo('side', ways.side),
      {
        service: 'front',
        operation: 'generate',
        kind: 'client',
        peer: 'acme-models',
        own: ways.model ?? [30, 30],
      },
    ],
  };
}

const calm: NonNullable<Scene['cpu']> = { front: [20, 20], back: [20, 20], side: [20, 20] };
const unread = { front: null, back: null, side: null };

describe('a slow way between two services', () => {
  test('is laid at the callee when the caller’s other calls are as fast as ever', () => {
    const diagnosis = reason(play({ root: front({ back: [2, 200], side: [2, 2] }), cpu: calm }));
    expect(diagnosis.causes.map(({ kind, target }) => [kind, target.service])).toEqual([['network', 'back']]);
    expect(diagnosis.causes[0]?.share).toBeGreaterThan(0.9);
    expect(diagnosis.cascade.at(-1)).toEqual({ service: 'front', operation: 'GET /' });
  });

  test('is the caller’s, once, when all of its calls became slower', () => {
    const slow: Change = [2, 150];
    const diagnosis = reason(
      play({ root: front({ back: slow, side: slow, model: [30, 180] }), cpu: calm, rate: [5, 2] }),
    );
    const network = diagnosis.causes.filter((cause) => cause.kind === 'network');
    expect(network.map((cause) => cause.target.service)).toEqual(['front']);
    // Two thirds of the slowdown: the third way leads to the model.
    expect(network[0]?.share).toBeGreaterThan(0.6);
    const cited = diagnosis.evidence.filter((one) => network[0]?.evidence.includes(one.id));
    expect(cited.filter((one) => one.kind === 'breakdown')).toHaveLength(2);
  });

  test('many ways that each explain little are one cause together', () => {
    const others = Array.from({ length: 8 }, (_, index) => callTo(`back-${index}`, [2, 40]));
    const cpu = Object.fromEntries(
      ['front', ...others.map((_, index) => `back-${index}`)].map((name) => [name, [20, 20] as const]),
    );
    const root: SceneNode = {
      service: 'front',
      operation: 'GET /',
      kind: 'server',
      own: [5, 5],
      children: others,
    };
    const diagnosis = reason(play({ root, cpu }));
    expect(diagnosis.causes.map(({ kind, target }) => [kind, target.service])).toEqual([
      ['network', 'front'],
    ]);
  });

  test('whose machines could not be read is the network’s when the delay meets every call', () => {
    const root = front({ back: [2, 300], side: [2, 2] });
    const [even, uneven] = [0.1, 0.9].map((noise) => reason(play({ root, cpu: unread, noise })).causes[0]);
    expect(even).toMatchObject({ kind: 'network', target: { service: 'back' } });
    expect(even?.confidence).toBeGreaterThan(0.5);
    // Some calls get through at once: a processor that is starved, or nothing that could be told.
    expect(uneven).toMatchObject({ kind: 'cpu', target: { service: 'back' } });
    expect(uneven?.confidence).toBeLessThan(0.5);
  });

  test('is told with more confidence when the machines are known to be calm', () => {
    const root = front({ back: [2, 30], side: [2, 2] });
    const confidence = (cpu: NonNullable<Scene['cpu']>): number =>
      reason(play({ root, cpu, noise: 0.1 })).causes[0]?.confidence ?? 0;
    expect(confidence(calm)).toBeGreaterThan(confidence(unread));
  });
});

describe('the end of a slow way', () => {
  const anyFront = fc.record({
    back: fc.constantFrom(2, 10, 80, 300),
    side: fc.constantFrom(2, 10, 80, 300),
    model: fc.constantFrom(30, 90, 400),
    cpu: fc.constantFrom(calm, unread, { ...calm, front: [20, 97] as const }),
    seed: fc.integer({ min: 1, max: 999 }),
  });
  const gatheredOf = ({
    back,
    side,
    model,
    cpu,
    seed,
  }: typeof anyFront extends fc.Arbitrary<infer T> ? T : never) =>
    play({ root: front({ back: [2, back], side: [2, side], model: [30, model] }), cpu, seed });

  test('is the same for the same rows in another order', () => {
    fc.assert(
      fc.property(anyFront, (scene) => {
        const gathered = gatheredOf(scene);
        if (gathered.calls === null) throw new Error('empty');
        const random = generator(scene.seed);
        const rows = gathered.calls.rows
          .map((row) => ({ row, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ row }) => row);
        const mixed = { ...gathered, calls: { ...gathered.calls, rows } };
        expect(JSON.stringify(reason(mixed))).toBe(JSON.stringify(reason(gathered)));
      }),
      { numRuns: 25 },
    );
  });

  test('has another name when the services have', () => {
    fc.assert(
      fc.property(anyFront, (scene) => {
        const gathered = gatheredOf(scene);
        const renamed = JSON.parse(
          JSON.stringify(gathered).replaceAll('"front"', '"zebra"').replaceAll('"back"', '"yak"'),
        ) as typeof gathered;
        const names = new Map([
          ['front', 'zebra'],
          ['back', 'yak'],
        ]);
        // Causes that weigh the same are ordered by name, so their order is none of the answer.
        const causes = (of: typeof gathered, name: (service: string) => string) =>
          reason(of)
            .causes.map(({ kind, target, share }) => JSON.stringify([kind, share, name(target.service)]))
            .sort();
        expect(causes(renamed, (service) => service)).toEqual(
          causes(gathered, (service) => names.get(service) ?? service),
        );
      }),
      { numRuns: 25 },
    );
  });
});
