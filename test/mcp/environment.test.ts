import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundledServer, bundleServer, connect } from './running-server.ts';

/** The server as it ships, on what an environment may hold and lack. */
let server: BundledServer;
let http: Server;
let requests = 0;
let url: string;

beforeAll(async () => {
  server = await bundleServer('real');
  http = createServer((_, response) => {
    requests += 1;
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"unknown API key"}');
  });
  http.listen(0, '127.0.0.1');
  await new Promise((resolve) => http.once('listening', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterAll(async () => {
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
  await server.remove();
});

async function problemOf(name: string, input: Record<string, unknown>, env: Record<string, string>) {
  const { client, close } = await connect(server, { env });
  try {
    const result = await client.callTool({ name, arguments: input });
    expect(result.isError).toBe(true);
    const [content] = result.content as { text: string }[];
    return JSON.parse(content?.text ?? '') as { code: string; message: string; nextStep: string };
  } finally {
    await close();
  }
}

test('asks no one and writes nothing but its compiled code before a tool is called', async () => {
  const { client, close } = await connect(server, {
    env: { PLUMBLINE_HONEYCOMB_URL: url, HONEYCOMB_API_KEY: 'hcaik_key', PLUMBLINE_WORKSPACE: 'not json' },
  });
  await client.listTools();
  await close();
  expect(requests).toBe(0);
  expect((await readdir(server.dir)).filter((name) => !name.endsWith('.cjs'))).toEqual(['cache']);
});

test('a key that is not taken', async () => {
  const problem = await problemOf(
    'list_services',
    {},
    { PLUMBLINE_HONEYCOMB_URL: url, HONEYCOMB_API_KEY: 'hcaik_key' },
  );
  expect(problem.code).toBe('unauthorized');
  expect(JSON.stringify(problem)).not.toContain('hcaik_key');
});

test('a store that is down', async () => {
  const problem = await problemOf('query_latency', {}, { PLUMBLINE_HONEYCOMB_URL: 'http://127.0.0.1:9' });
  expect(problem.code).toBe('unreachable');
});

test('an address that is none', async () => {
  const problem = await problemOf('list_services', {}, { PLUMBLINE_HONEYCOMB_URL: 'ftp://x' });
  expect(problem).toMatchObject({
    code: 'bad-input',
    nextStep: expect.stringContaining('PLUMBLINE_HONEYCOMB_URL'),
  });
});

test('a workspace without a Pulumi project', async () => {
  const empty = join(server.dir, 'empty');
  await mkdir(empty);
  const problem = await problemOf('list_stacks', {}, { PLUMBLINE_WORKSPACE: JSON.stringify([empty]) });
  expect(problem.code).toBe('not-found');
});

test('a project, but no Pulumi to read it with', async () => {
  const project = join(server.dir, 'project');
  await mkdir(project);
  await writeFile(join(project, 'Pulumi.yaml'), 'name: shop\nruntime: nodejs\n');
  const problem = await problemOf(
    'list_stacks',
    {},
    { PLUMBLINE_WORKSPACE: JSON.stringify([project]), PLUMBLINE_PULUMI_PATH: join(server.dir, 'no-pulumi') },
  );
  expect(problem.code).toBe('pulumi-missing');
});
