import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import { sendTraces, tracesJson } from './otlp-json.ts';
import { cleanUp, type RunningCollector, runCollector } from './running-collector.ts';

let collector: RunningCollector;
let client: HoneycombClient;
beforeAll(async () => {
  collector = await runCollector({ args: ['--key', 'right'] });
  client = new HoneycombClient({ apiUrl: collector.url, apiKey: async () => 'right' });
  await send('/v1/traces', 'application/json', tracesJson('shop', [{ start: Date.now(), durationMs: 1 }]));
});
afterAll(cleanUp);

const KEY = { 'X-Honeycomb-Team': 'right' };

function send(
  path: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  return fetch(`${collector.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': type, ...KEY, ...headers },
    body,
  });
}

/** Host and Origin are headers that fetch does not let one set. */
function rawStatus(headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${collector.url}/1/auth`,
      { headers: { ...KEY, ...headers } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

function head(headers: Record<string, string>): string {
  const all = { Host: '127.0.0.1', 'Content-Type': 'application/x-protobuf', ...KEY, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /v1/traces HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** The whole answer, as a client sees it that looks for it only when the body is out, as many do. */
async function writeThenRead(headers: Record<string, string>, bytes: number): Promise<string> {
  const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
  const chunked = 'Transfer-Encoding' in headers;
  socket.write(head(chunked ? headers : { ...headers, 'Content-Length': String(bytes) }));
  if (chunked) socket.write(`${bytes.toString(16)}\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(Buffer.alloc(bytes), (error) => (error ? reject(error) : resolve()));
  });
  if (chunked) socket.write('\r\n0\r\n\r\n');
  return text(socket);
}

async function count(dataset: string): Promise<unknown> {
  const window = { start: Date.now() - 3_600_000, end: Date.now() + 3_600_000 };
  return (await client.run(dataset, { calculations: [{ op: 'COUNT' }] }, window)).rows[0]?.['COUNT'];
}

describe('OTLP over HTTP', () => {
  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('takes %s', async (encoding, compress) => {
    const body = compress(tracesJson(`packed-${encoding}`, [{ start: Date.now(), durationMs: 1 }]));
    const answer = await send('/v1/traces', 'application/json', new Uint8Array(body), {
      'Content-Encoding': encoding,
    });
    expect(answer.status).toBe(200);
    expect(await count(`packed-${encoding}`)).toBe(1);
  });

  it('refuses other content types with 415 in plain text', async () => {
    const answer = await send('/v1/traces', 'text/csv', 'a,b');
    expect(answer.status).toBe(415);
    expect(answer.headers.get('content-type')).toBe('text/plain');
  });

  it.each([
    ['application/x-protobuf', new Uint8Array([0x0a, 0xff, 0x01])],
    ['application/protobuf', new Uint8Array([0xff, 0xff, 0xff, 0xff])],
    ['application/json', '{"resourceSpans":['],
    ['application/json', '[]'],
    ['application/json', 'null'],
  ])('refuses a broken %s body with 400 in its own type', async (type, body) => {
    const answer = await send('/v1/traces', type, body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe(type);
  });

  it('refuses what is too large, packed or not, and goes on', async () => {
    const large = new Uint8Array(21 * 2 ** 20);
    expect((await send('/v1/traces', 'application/x-protobuf', large)).status).toBe(413);
    const bomb = await send('/v1/traces', 'application/json', new Uint8Array(gzipSync(large)), {
      'Content-Encoding': 'gzip',
    });
    expect(bomb.status).toBe(413);
    const notGzip = await send('/v1/traces', 'application/json', 'plain', { 'Content-Encoding': 'gzip' });
    expect(notGzip.status).toBe(400);
    expect(await count('shop')).toBeGreaterThan(0);
  });

  it.each([
    ['its length told', {}, 413, 'larger than 20 MiB'],
    ['its length not told', { 'Transfer-Encoding': 'chunked' }, 413, 'larger than 20 MiB'],
    [
      'packed, its length not told',
      { 'Transfer-Encoding': 'chunked', 'Content-Encoding': 'gzip' },
      400,
      'cannot be read',
    ],
    ['no key', { 'X-Honeycomb-Team': '' }, 401, 'missing API key'],
    ['another type', { 'Content-Type': 'text/csv' }, 415, 'Content-Type must be'],
  ])(
    'a sender that reads after its last byte sees why it was refused: %s',
    async (_, headers, status, why) => {
      const answer = await writeThenRead(headers, 24 * 2 ** 20);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain(why);
      expect(answer).toMatch(/^connection: close\r$/im);
    },
  );

  it('closes on a sender that does not end', async () => {
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head({ 'Content-Length': String(2 ** 40) }));
    const block = Buffer.alloc(2 ** 20);
    const more = (): void => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', more).resume();
    more();
    await closed;
    expect(socket.bytesWritten).toBeLessThan(2 ** 30);
    expect(await count('shop')).toBeGreaterThan(0);
  });

  it('wants the key when it has one', async () => {
    const answer = await fetch(`${collector.url}/v1/logs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(401);
  });

  it('answers any bytes without falling over', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('/v1/traces', '/v1/metrics', '/v1/logs'),
        async (bytes, path) => {
          const answer = await send(path, 'application/x-protobuf', new Uint8Array(bytes));
          expect([200, 400]).toContain(answer.status);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('answers any JSON without falling over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        const body = JSON.stringify({
          resourceSpans: [
            {
              resource: value,
              scopeSpans: [
                { scope: value, spans: [value, { attributes: value, events: [value], status: value }] },
              ],
            },
          ],
        });
        expect((await send('/v1/traces', 'application/json', body)).status).toBe(200);
      }),
      { numRuns: 50 },
    );
    expect(await count('shop')).toBeGreaterThan(0);
  });
});

describe('names and values that mean harm', () => {
  it('are data', async () => {
    const names = [
      '"; DROP TABLE events; --',
      "'; DELETE FROM events; --",
      '__proto__',
      'constructor',
      'time',
      'TIME',
      'dataset',
      '$1',
      'ab',
      '%s',
      '💥',
    ];
    const attributes = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    attributes['a\0b'] = 'value of \0ab';
    const body = tracesJson('harm', [{ start: Date.now(), durationMs: 1, attributes }]);
    expect((await send('/v1/traces', 'application/json', body)).status).toBe(200);
    const window = { start: Date.now() - 60_000, end: Date.now() + 60_000 };
    // No JavaScript object is made with a __proto__ of the store's choosing, so that one is not in the answer.
    for (const name of Object.keys(attributes).filter((one) => one !== '__proto__' && !one.includes('\0'))) {
      const answer = await client.run(
        'harm',
        { breakdowns: [name], calculations: [{ op: 'COUNT' }] },
        window,
      );
      expect(Object.entries(answer.rows[0] ?? {})).toContainEqual([name, attributes[name]]);
    }
    expect(await count('shop')).toBeGreaterThan(0);
  });

  it('NaN and infinite numbers are no values, and huge integers lose no digit', async () => {
    const values = [
      { doubleValue: 'NaN' },
      { doubleValue: 'Infinity' },
      { doubleValue: 2 },
      { intValue: '9223372036854775807' },
    ];
    const spans = values.map((value, i) => ({
      name: `n${i}`,
      traceId: '1'.repeat(32),
      spanId: `${i}`.repeat(16),
      startTimeUnixNano: `${Date.now()}000000`,
      endTimeUnixNano: `${Date.now()}000000`,
      attributes: [{ key: 'odd', value }],
    }));
    const body = JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'odd' } }] },
          scopeSpans: [{ spans }],
        },
      ],
    });
    expect((await send('/v1/traces', 'application/json', body)).status).toBe(200);
    const window = { start: Date.now() - 60_000, end: Date.now() + 60_000 };
    const answer = await client.run(
      'odd',
      { breakdowns: ['name', 'odd'], calculations: [{ op: 'COUNT' }], orders: [{ column: 'name' }] },
      window,
    );
    expect(answer.rows.map((row) => row['odd'])).toEqual([null, null, '2', '9223372036854775807']);
  });

  it('ten thousand attributes are cut to two thousand', async () => {
    const attributes = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`wide.${i}`, i]));
    await client.datasets();
    expect(
      (
        await send(
          '/v1/traces',
          'application/json',
          tracesJson('wide', [{ start: Date.now(), durationMs: 1, attributes }]),
        )
      ).status,
    ).toBe(200);
    expect(await count('wide')).toBe(1);
    expect((await client.columns('wide')).length).toBeLessThanOrEqual(2_000);
    expect(await count('shop')).toBeGreaterThan(0);
  });
});

describe('the API', () => {
  it('is for this machine and the editor only', async () => {
    expect(await rawStatus({})).toBe(200);
    expect(await rawStatus({ Host: 'evil.example:80' })).toBe(403);
    expect(await rawStatus({ Origin: 'https://evil.example' })).toBe(403);
    expect(await rawStatus({ Origin: 'null' })).toBe(403);
    expect(await rawStatus({ Origin: 'http://localhost.evil.example' })).toBe(403);
    expect(await rawStatus({ Origin: 'vscode-webview://abc' })).toBe(200);
    expect(await rawStatus({ Origin: 'http://localhost:3000', Host: 'localhost' })).toBe(200);
  });

  it('has Honeycomb’s error shapes', async () => {
    const answer = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${collector.url}${path}`, { headers: KEY, ...init });
      return [response.status, await response.json()];
    };
    expect(await answer('/1/auth', { headers: {} })).toEqual([
      401,
      { error: expect.stringContaining('missing API key') },
    ]);
    expect(await answer('/1/auth', { headers: { 'X-Honeycomb-Team': 'wrong' } })).toEqual([
      401,
      { error: 'unknown API key - check your credentials' },
    ]);
    expect((await answer('/1/columns/none'))[0]).toBe(404);
    expect((await answer('/1/nothing'))[0]).toBe(404);
    expect((await answer('/1/%E0%A4%A'))[0]).toBe(400);
    expect((await answer('/1/datasets', { method: 'POST' }))[0]).toBe(405);
    expect((await answer('/1/queries/shop', { method: 'POST', body: '{' }))[0]).toBe(400);
    expect(await answer('/1/queries/shop', { method: 'POST', body: '{"limit":"many"}' })).toEqual([
      422,
      expect.objectContaining({
        status: 422,
        type: expect.stringContaining('validation-failed'),
        type_detail: [expect.objectContaining({ field: 'limit', code: 'incorrect_type' })],
      }),
    ]);
  });

  it('says first that a result is not complete, and where it will be', async () => {
    const post = async (path: string, body: object) =>
      fetch(`${collector.url}${path}`, { method: 'POST', headers: KEY, body: JSON.stringify(body) });
    const query = (await (
      await post('/1/queries/shop', { calculations: [{ op: 'COUNT' }], time_range: 600 })
    ).json()) as { id: string };
    const created = await post('/1/query_results/shop', { query_id: query.id, disable_series: true });
    expect(created.status).toBe(201);
    const result = (await created.json()) as { id: string; complete: boolean };
    expect(result.complete).toBe(false);
    expect(created.headers.get('location')).toBe(`/1/query_results/shop/${result.id}`);
  });

  it('keeps markers', async () => {
    const call = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${collector.url}/1/markers/shop${path}`, {
        method,
        headers: KEY,
        ...(body && { body: JSON.stringify(body) }),
      });
      return {
        status: response.status,
        body: response.status === 204 ? undefined : ((await response.json()) as Record<string, unknown>),
      };
    };
    const made = await call('POST', '', { start_time: 1_790_000_000, message: 'v2', type: 'deploy' });
    expect(made).toMatchObject({
      status: 201,
      body: { start_time: 1_790_000_000, message: 'v2', type: 'deploy' },
    });
    const id = `/${String(made.body?.['id'])}`;
    expect((await call('PUT', id, { message: 'v3' })).body).toMatchObject({ message: 'v3', type: 'deploy' });
    expect((await call('GET', id)).body).toMatchObject({ message: 'v3' });
    expect((await call('DELETE', id)).status).toBe(204);
    expect((await call('GET', id)).status).toBe(404);
  });

  it('stops a query that takes too long, and says so', async () => {
    const slow = await runCollector({ args: ['--query-timeout-ms', '1'] });
    const spans = Array.from({ length: 3_000 }, (_, i) => ({
      start: Date.now(),
      durationMs: i,
      attributes: { i },
    }));
    await sendTraces(slow.url, 'slow', spans);
    const impatient = new HoneycombClient({ apiUrl: slow.url, apiKey: async () => 'k' });
    const spec = {
      breakdowns: ['i', 'parent.i', 'root.i'],
      calculations: [{ op: 'P95' as const, column: 'duration_ms' }],
    };
    const window = { start: Date.now() - 60_000, end: Date.now() + 60_000 };
    await expect(impatient.run('slow', spec, window)).rejects.toMatchObject({ code: 'timeout' });
    await slow.end();
  });
});
