import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CollectorProcess, startCollector } from '../../src/telemetry/collector-process.ts';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import { COLLECTOR_SCRIPT } from '../collector/running-collector.ts';

let directory: string;
const running: CollectorProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plumbline-collector-process-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  await rm(directory, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startCollector>[0]> = {}): Promise<CollectorProcess> {
  const collector = await startCollector({
    script: COLLECTOR_SCRIPT,
    port: 0,
    dataDirectory: directory,
    ...options,
  });
  running.push(collector);
  return collector;
}

it('starts one, which the client can talk to, and stops it', async () => {
  const collector = await start({ key: 'k' });
  const client = new HoneycombClient({ apiUrl: collector.url, apiKey: async () => 'k' });
  expect(await client.auth()).toMatchObject({ team: 'Plumbline collector', environment: 'local' });
  expect(await client.datasets()).toEqual([]);
  const at = Date.now();
  await client.mark('shop', { time: at, message: 'v2', type: 'deploy', url: 'https://example.com/' });
  expect(await client.markers('shop')).toEqual([
    { time: Math.floor(at / 1000) * 1000, message: 'v2', type: 'deploy', url: 'https://example.com/' },
  ]);
  await collector.stop();
  await collector.ended;
  await expect(client.auth()).rejects.toMatchObject({ code: 'unreachable' });
});

it('uses the one that serves the port already, and leaves it running', async () => {
  const first = await start();
  const port = Number(new URL(first.url).port);
  const second = await start({ port, dataDirectory: join(directory, 'other') });
  expect(second).toMatchObject({ url: first.url, owned: false });
  await second.stop();
  expect(await new HoneycombClient({ apiUrl: first.url, apiKey: async () => 'k' }).datasets()).toEqual([]);
});

it('says when a collector there takes another key', async () => {
  const first = await start({ key: 'right' });
  const port = Number(new URL(first.url).port);
  await expect(start({ port, key: 'wrong' })).rejects.toMatchObject({ code: 'unauthorized' });
});

it('says when something else serves the port', async () => {
  const server = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  await expect(start({ port })).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining(String(port)),
  });
  server.close();
});

it('says why it did not start', async () => {
  await writeFile(join(directory, 'events.duckdb'), 'somebody else’s file');
  await expect(start()).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/cannot be opened as a DuckDB database/),
  });
});

it('gives up on a script that says nothing', async () => {
  const script = join(directory, 'silent.mjs');
  await writeFile(script, 'setInterval(() => {}, 1000);');
  await expect(start({ script, startTimeoutMs: 300 })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/in time/),
  });
});

it('does not believe an address elsewhere', async () => {
  const script = join(directory, 'elsewhere.mjs');
  await writeFile(script, `console.log('{"url":"http://evil.example/"}'); setInterval(() => {}, 1000);`);
  await expect(start({ script })).rejects.toMatchObject({ code: 'unreachable' });
});
