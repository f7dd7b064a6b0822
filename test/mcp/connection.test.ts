import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundledServer, bundleServer, spawnServer } from './running-server.ts';

let server: BundledServer;
beforeAll(async () => {
  server = await bundleServer('fake');
});
afterAll(() => server.remove());

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bytes', version: '0' } },
};

/** A client that writes bytes and reads lines. */
class Bytes {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exit: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor() {
    this.child = spawnServer(server);
    this.exit = once(this.child, 'exit');
    this.child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    // A server that leaves early must fail the expectation, not the write.
    this.child.stdin.on('error', () => {});
  }

  send(message: unknown): void {
    this.child.stdin.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  }

  lines(): Record<string, unknown>[] {
    return this.stdout
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => JSON.parse(text));
  }

  async answer(id: number): Promise<Record<string, unknown>> {
    await expect
      .poll(() => this.lines().some((message) => message['id'] === id), { timeout: 10_000 })
      .toBe(true);
    return this.lines().find((message) => message['id'] === id) ?? {};
  }

  async end(): Promise<number | null> {
    this.child.stdin.end();
    const [code] = await this.exit;
    return code as number | null;
  }
}

test('ends when its input ends, before and after a conversation', async () => {
  expect(await new Bytes().end()).toBe(0);
  const client = new Bytes();
  client.send(INITIALIZE);
  await client.answer(1);
  expect(await client.end()).toBe(0);
});

test('ends with a call in flight, which is told to stop', async () => {
  const client = new Bytes();
  client.send(INITIALIZE);
  await client.answer(1);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  client.send({
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: { name: 'diagnose', arguments: { service: 'wait' }, _meta: { progressToken: 'p' } },
  });
  await expect.poll(() => client.stdout, { timeout: 10_000 }).toContain('notifications/progress');
  expect(await client.end()).toBe(0);
  expect(client.stderr).toContain('diagnose was cancelled');
});

test('ends on SIGTERM', async () => {
  const client = new Bytes();
  client.send(INITIALIZE);
  await client.answer(1);
  client.child.kill('SIGTERM');
  expect(await client.exit).toEqual([0, null]);
});

test('takes nonsense without harm and never repeats it', async () => {
  const client = new Bytes();
  client.send(
    'not json: my-secret\n{"jsonrpc":"2.0"}\n[]\n\n{"jsonrpc":"1.0","id":9,"method":"x"}\n\u0000\n',
  );
  client.send(INITIALIZE);
  expect(await client.answer(1)).toMatchObject({ result: { serverInfo: { name: 'plumbline' } } });
  client.send({ jsonrpc: '2.0', id: 2, method: 'stack/destroy', params: {} });
  expect(await client.answer(2)).toMatchObject({ error: { code: -32601 } });
  client.send({ jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 42 } });
  expect(await client.answer(3)).toHaveProperty('error.code');
  client.send({ jsonrpc: '2.0', id: 4, method: 'tools/call', params: { name: '__proto__' } });
  expect(await client.answer(4)).toMatchObject({ error: { code: -32602 } });
  client.send({ jsonrpc: '2.0', id: 5, method: 'ping' });
  expect(await client.answer(5)).toMatchObject({ result: {} });
  expect(await client.end()).toBe(0);
  expect(client.stderr).not.toContain('my-secret');
});

test('a large message is answered, one without end closes the connection', async () => {
  const client = new Bytes();
  client.send(INITIALIZE);
  await client.answer(1);
  client.send({
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: { name: 'diagnose', arguments: { service: 's'.repeat(2_000_000) } },
  });
  expect(await client.answer(2)).toMatchObject({ result: { isError: true } });
  client.send('x'.repeat(11 * 1024 * 1024));
  expect(await client.exit).toEqual([0, null]);
});

test('its output holds the protocol and nothing else', async () => {
  const client = new Bytes();
  client.send(INITIALIZE);
  client.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
  await client.answer(2);
  for (const message of client.lines()) expect(message['jsonrpc']).toBe('2.0');
  expect(client.stderr).toContain('a stray line');
  await client.end();
});

test('speaks the older revisions that clients ask for', async () => {
  const client = new Bytes();
  client.send({ ...INITIALIZE, params: { ...INITIALIZE.params, protocolVersion: '2024-11-05' } });
  expect(await client.answer(1)).toMatchObject({ result: { protocolVersion: '2024-11-05' } });
  await client.end();
});
