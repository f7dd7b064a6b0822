import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import { cleanUp, type RunningCollector, runCollector } from './running-collector.ts';

const SEND = fileURLToPath(new URL('../exporters/send.mjs', import.meta.url));
const CHATBOT = fileURLToPath(new URL('../../lab/chatbot/', import.meta.url));

let collector: RunningCollector;
let client: HoneycombClient;
beforeAll(async () => {
  collector = await runCollector();
  client = new HoneycombClient({ apiUrl: collector.url, apiKey: async () => 'any' });
});
afterAll(cleanUp);

async function runScript(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`exit ${code}: ${output}`);
  return output;
}

/** Rows of the dataset, by these columns. */
async function rowsOf(dataset: string, columns: readonly string[]) {
  const window = { start: Date.now() - 600_000, end: Date.now() + 60_000 };
  const spec = { breakdowns: columns, calculations: [{ op: 'COUNT' as const }], limit: 100 };
  return (await client.run(dataset, spec, window)).rows;
}

describe.each(['traces-json', 'traces-proto'])('OpenTelemetry %s exporter', (what) => {
  it('arrives with Honeycomb’s columns', async () => {
    await runScript([SEND, collector.url, what]);
    const dataset = `shop-${what}`;
    const columns = [
      'name',
      'meta.annotation_type',
      'duration_ms',
      'error',
      'status_code',
      'status_message',
      'span.kind',
      'type',
    ];
    const rows = await rowsOf(dataset, columns);
    const spans = rows.filter((row) => row['meta.annotation_type'] === null);
    expect(spans).toHaveLength(3);
    expect(spans).toContainEqual({
      name: 'GET /cart',
      'meta.annotation_type': null,
      duration_ms: 400,
      error: null,
      status_code: 0,
      status_message: null,
      'span.kind': 'server',
      type: 'server',
      COUNT: 1,
    });
    expect(spans).toContainEqual({
      name: 'SELECT',
      'meta.annotation_type': null,
      duration_ms: 250,
      error: true,
      status_code: 2,
      status_message: 'broken',
      'span.kind': 'client',
      type: 'client',
      COUNT: 1,
    });

    const values = await rowsOf(dataset, [
      'name',
      'text',
      'whole',
      'fraction',
      'yes',
      'list',
      'numbers',
      'library.name',
      'library.version',
      'deployment.environment',
    ]);
    expect(values).toContainEqual({
      name: 'SELECT',
      text: 'é"\u0001',
      whole: 42,
      fraction: 0.5,
      yes: true,
      list: '["a","b"]',
      numbers: '[1,2.5]',
      'library.name': 'the-library',
      'library.version': '1.2.3',
      'deployment.environment': 'test',
      COUNT: 1,
    });

    const relations = await rowsOf(dataset, [
      'name',
      'parent.name',
      'meta.annotation_type',
      'overridden',
      'span.num_events',
      'span.num_links',
    ]);
    expect(relations).toContainEqual({
      name: 'SELECT',
      'parent.name': 'GET /cart',
      'meta.annotation_type': null,
      overridden: 'resource',
      'span.num_events': 1,
      'span.num_links': 1,
      COUNT: 1,
    });
    expect(relations.find((row) => row['name'] === 'GET /cart')?.['overridden']).toBe('span');
    expect(relations.filter((row) => row['meta.annotation_type'] === 'span_event')).toMatchObject([
      { name: 'exception', 'parent.name': 'SELECT' },
    ]);
    expect(relations.filter((row) => row['meta.annotation_type'] === 'link')).toMatchObject([
      { 'parent.name': 'SELECT' },
    ]);

    const exceptions = await rowsOf(dataset, ['name', 'exception.type', 'exception.message']);
    expect(exceptions).toContainEqual({
      name: 'SELECT',
      'exception.type': 'TypeError',
      'exception.message': 'it broke',
      COUNT: 1,
    });
    const types = new Map((await client.columns(dataset)).map((column) => [column.name, column.type]));
    expect(types.get('whole')).toBe('integer');
    expect(types.get('fraction')).toBe('float');
    expect(types.get('yes')).toBe('boolean');
  });
});

it('OpenTelemetry metrics arrive as one row a data point', async () => {
  await runScript([SEND, collector.url, 'metrics']);
  const rows = await rowsOf('shop-metrics', [
    'metric.name',
    'orders',
    'region',
    'queue.depth',
    'latency.count',
    'latency.sum',
    'latency.max',
    'latency.avg',
    'meta.signal_type',
  ]);
  expect(rows).toHaveLength(3);
  expect(rows).toContainEqual(
    expect.objectContaining({
      'metric.name': 'orders',
      orders: 3,
      region: 'eu',
      'meta.signal_type': 'metric',
    }),
  );
  expect(rows).toContainEqual(
    expect.objectContaining({ 'metric.name': 'queue.depth', 'queue.depth': 7.5, orders: null }),
  );
  expect(rows).toContainEqual(
    expect.objectContaining({
      'latency.count': 4,
      'latency.sum': 460,
      'latency.max': 400,
      'latency.avg': 115,
    }),
  );
});

it('OpenTelemetry logs arrive with body and severity', async () => {
  await runScript([SEND, collector.url, 'logs']);
  const rows = await rowsOf('shop-logs', [
    'body',
    'severity_text',
    'severity',
    'order',
    'body.message',
    'meta.signal_type',
  ]);
  expect(rows).toContainEqual({
    body: 'it broke',
    severity_text: 'ERROR',
    severity: 'error',
    order: 12,
    'body.message': null,
    'meta.signal_type': 'log',
    COUNT: 1,
  });
  expect(rows).toContainEqual(expect.objectContaining({ 'body.message': 'structured', severity: 'info' }));
});

it('Honeycomb’s distro arrives without a change', async () => {
  const script = `
    import { HoneycombSDK } from '@honeycombio/opentelemetry-node';
    import { trace } from '@opentelemetry/api';
    const sdk = new HoneycombSDK({ apiKey: 'dummy', endpoint: ${JSON.stringify(collector.url)}, serviceName: 'distro' });
    sdk.start();
    trace.getTracer('t').startActiveSpan('work', (span) => span.end());
    await sdk.shutdown();
    process.exit(0);`;
  await runScript(['--input-type=module', '-e', script], { cwd: CHATBOT });
  const rows = await rowsOf('distro', ['name', 'meta.signal_type', 'honeycomb.distro.version']);
  expect(rows).toContainEqual({
    name: 'work',
    'meta.signal_type': 'trace',
    'honeycomb.distro.version': '0.7.2',
    COUNT: 1,
  });
});
