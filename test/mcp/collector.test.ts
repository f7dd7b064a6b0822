import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendTraces, type TestSpan } from '../collector/otlp-json.ts';
import { cleanUp, runCollector } from '../collector/running-collector.ts';
import { type BundledServer, bundleServer, type Connected, connect } from './running-server.ts';

/** The server as it ships, on a real store: what a model would get from the local collector. */
let server: BundledServer;
let connected: Connected;

const MINUTE = 60_000;

beforeAll(async () => {
  server = await bundleServer('real');
  const collector = await runCollector();
  await sendTraces(collector.url, 'shop', checkouts(Date.now()));
  const workspace = join(server.dir, 'workspace');
  await mkdir(workspace);
  connected = await connect(server, {
    env: { PLUMBLINE_HONEYCOMB_URL: collector.url, PLUMBLINE_WORKSPACE: JSON.stringify([workspace]) },
  });
  await connected.client.listTools();
});

afterAll(async () => {
  await connected.close();
  await server.remove();
  await cleanUp();
});

/** Half an hour of requests, half of each spent in a query; nothing about them changes. */
function checkouts(now: number): TestSpan[] {
  const spans: TestSpan[] = [];
  for (let index = 0; index < 600; index += 1) {
    const start = now - 31 * MINUTE + index * 3_000;
    const durationMs = 100 + (index % 10);
    const traceId = (index + 1).toString(16).padStart(32, 'a');
    const spanId = (index + 1).toString(16).padStart(16, 'b');
    spans.push({ name: 'POST /checkout', start, durationMs, traceId, spanId, error: index % 100 === 0 });
    spans.push({ name: 'SELECT orders', start, durationMs: durationMs / 2, traceId, parentId: spanId });
  }
  return spans;
}

async function call(name: string, input: Record<string, unknown>) {
  const result = await connected.client.callTool({ name, arguments: input });
  expect(result.isError, JSON.stringify(result.content)).toBeFalsy();
  return result.structuredContent as Record<string, unknown>;
}

test('services and their operations', async () => {
  const { store, services } = await call('list_services', { lookbackMinutes: 40 });
  expect(store).toBe('local collector');
  expect(services).toMatchObject([
    {
      service: 'shop',
      spans: 1_200,
      errors: 6,
      slowest: [{ operation: 'POST /checkout', count: 600 }, { operation: 'SELECT orders' }],
    },
  ]);
});

test('latency of an operation over time', async () => {
  const { rows, series } = await call('query_latency', {
    service: 'shop',
    operation: 'POST /checkout',
    lookbackMinutes: 40,
  });
  const [row] = rows as { count: number; errors: number; p95: number }[];
  expect(row).toMatchObject({ count: 600, errors: 6 });
  expect(row?.p95).toBeGreaterThan(105);
  expect(row?.p95).toBeLessThan(110);
  expect((series as unknown[]).length).toBeGreaterThan(15);
});

test('a diagnosis by the real engine, each piece of its evidence readable', async () => {
  const diagnosis = await call('diagnose', { lookbackMinutes: 40 });
  // Nothing changed, so nothing may be blamed; without metrics and stacks the engine may say that it can't know.
  expect(['nothing-wrong', 'undetermined']).toContain(diagnosis['verdict']);
  expect(diagnosis['causes']).toEqual([]);
  expect(diagnosis['requests']).toBeLessThanOrEqual(4);
  const evidence = diagnosis['evidence'] as { id: string; summary: string }[];
  expect(evidence.length).toBeGreaterThan(0);
  for (const { id, summary } of evidence) {
    const read = await call('get_evidence', { diagnosisId: diagnosis['diagnosisId'], evidenceId: id });
    expect(read).toMatchObject({ id, n: expect.any(Number) });
    expect(read['summary']).toContain(summary.replace(/…$/, '').slice(0, 100));
  }
});

test('without ground for it there is no sizing patch', async () => {
  const { diagnosisId } = await call('diagnose', { lookbackMinutes: 40 });
  const refused = await connected.client.callTool({
    name: 'propose_patch',
    arguments: { kind: 'sizing', diagnosisId },
  });
  expect(refused.isError).toBe(true);
  expect(JSON.stringify(refused.content)).toContain('refused');
});
