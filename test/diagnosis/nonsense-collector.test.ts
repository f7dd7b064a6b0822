import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Diagnosis } from '../../src/diagnosis/diagnosis.ts';
import { narrate } from '../../src/diagnosis/narrate.ts';
import { Problem } from '../../src/problem.ts';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import { ALL_DATASETS } from '../../src/telemetry/query.ts';
import { sendTraces, type TestSpan, tracesJson } from '../collector/otlp-json.ts';
import { cleanUp, runCollector } from '../collector/running-collector.ts';
import { generator } from './scene.ts';

/** Ten minutes of two requests a second. */
const REQUESTS = 1_200;
const now = Math.floor(Date.now() / 60_000) * 60_000;
const startOf = (index: number): number => now - 600_000 + index * 500;
const random = generator(3);
const about = (ms: number): number => ms * (0.8 + 0.4 * random());
const trace = (index: number): string => (index + 1).toString(16).padStart(32, 'a');
const span = (index: number, part: number): string => (index * 8 + part + 1).toString(16).padStart(16, 'b');

const requests = (make: (index: number) => readonly TestSpan[]): readonly TestSpan[] =>
  Array.from({ length: REQUESTS }, (_, index) => make(index)).flat();

/** Telemetry that no healthy system sends. None of it holds a slowdown that could be told. */
const nonsense: Readonly<Record<string, readonly TestSpan[]>> = {
  'one-span': [{ name: 'GET /', start: now - 60_000, durationMs: 5_000 }],
  orphans: requests((i) => [
    {
      name: 'work',
      start: startOf(i),
      durationMs: about(100),
      traceId: trace(i),
      parentId: 'cccccccccccccccc',
    },
  ]),
  cycles: requests((i) => [
    {
      name: 'a',
      start: startOf(i),
      durationMs: about(100),
      traceId: trace(i),
      spanId: span(i, 0),
      parentId: span(i, 1),
    },
    {
      name: 'b',
      start: startOf(i),
      durationMs: about(90),
      traceId: trace(i),
      spanId: span(i, 1),
      parentId: span(i, 0),
    },
  ]),
  'own-parents': requests((i) => [
    {
      name: 'a',
      start: startOf(i),
      durationMs: about(100),
      traceId: trace(i),
      spanId: span(i, 0),
      parentId: span(i, 0),
    },
  ]),
  'ends-before-starts': requests((i) => [
    { name: 'GET /', start: startOf(i), durationMs: i % 2 === 0 ? -about(100) : about(100) },
  ]),
  'skewed-clocks': requests((i) => [
    { name: 'GET /', start: startOf(i), durationMs: about(100), traceId: trace(i), spanId: span(i, 0) },
    {
      name: 'child',
      start: startOf(i) - 3_600_000 * (i % 3),
      durationMs: about(10_000),
      traceId: trace(i),
      spanId: span(i, 1),
      parentId: span(i, 0),
    },
  ]),
  'two-roots': requests((i) => [
    { name: 'GET /', start: startOf(i), durationMs: about(100), traceId: trace(i), spanId: span(i, 0) },
    { name: 'GET /too', start: startOf(i), durationMs: about(120), traceId: trace(i), spanId: span(i, 1) },
  ]),
  'odd-names': requests((i) => [
    {
      name: ['__proto__', '', 'a\nb', '<img src=x onerror=alert(1)>', 'constructor'][i % 5] ?? '',
      start: startOf(i),
      durationMs: about(100),
      attributes: { '': i, __proto__: 'x', 'a b': '"', 'service.instance.id': '\u0000' },
    },
  ]),
};

let url: string;

beforeAll(async () => {
  ({ url } = await runCollector());
  for (const [service, spans] of Object.entries(nonsense)) await sendTraces(url, service, spans);
}, 60_000);

afterAll(cleanUp);

async function ask(dataset: string): Promise<Diagnosis | Problem> {
  const telemetry = new HoneycombClient({ apiUrl: url, apiKey: async () => 'local', name: 'collector' });
  const ports = { telemetry, metrics: null, stacks: null, now, dataset };
  try {
    return await diagnose({ lookbackMinutes: 11 }, ports, new AbortController().signal);
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown;
    throw thrown;
  }
}

function expectNoGuess(answer: Diagnosis | Problem): void {
  if (answer instanceof Problem) {
    expect(answer.code).not.toBe('internal');
    expect(answer.nextStep).not.toBe('');
    return;
  }
  expect(['nothing-wrong', 'undetermined']).toContain(answer.verdict);
  for (const { confidence } of answer.causes) expect(confidence).toBeLessThan(0.5);
  expect(JSON.stringify(answer)).not.toMatch(/null,"unit"|NaN|Infinity/);
  expect(narrate(answer).headline).not.toBe('');
}

describe('nonsense over the wire', () => {
  test.each(Object.keys(nonsense))(
    '%s: an answer or a clear refusal, and no confident guess',
    async (dataset) => {
      expectNoGuess(await ask(dataset));
    },
  );

  test('a single slow span is too little', async () => {
    const answer = await ask('one-span');
    expect(answer instanceof Problem ? answer.code : answer.verdict).toMatch(/empty|undetermined/);
  });

  test('all of it together', async () => {
    expectNoGuess(await ask(ALL_DATASETS));
  });

  test('ten thousand services are answered', async () => {
    const many = await runCollector();
    const bodies = Array.from({ length: 10_000 }, (_, index) =>
      JSON.parse(
        tracesJson(`service-${index}`, [
          { name: 'GET /', start: startOf(index % REQUESTS), durationMs: about(100) },
        ]),
      ),
    );
    for (let from = 0; from < bodies.length; from += 1_000) {
      const body = JSON.stringify({
        resourceSpans: bodies.slice(from, from + 1_000).flatMap((one) => one.resourceSpans),
      });
      const response = await fetch(`${many.url}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(200);
    }
    const before = url;
    url = many.url;
    try {
      expectNoGuess(await ask(ALL_DATASETS));
    } finally {
      url = before;
    }
  }, 60_000);
});
