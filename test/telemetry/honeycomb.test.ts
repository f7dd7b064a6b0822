import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoneycombClient, type HoneycombOptions } from '../../src/telemetry/honeycomb.ts';
import { FakeHoneycomb } from './fake-honeycomb.ts';
import { SteppedClock } from './stepped-clock.ts';

const SPEC = { breakdowns: ['name'], calculations: [{ op: 'COUNT' as const }] };
const NOW = 1_790_000_000_000;
const WINDOW = { start: NOW - 600_000, end: NOW - 300_000 };

let cloud: FakeHoneycomb;
let clock: SteppedClock;
beforeEach(async () => {
  cloud = new FakeHoneycomb();
  clock = new SteppedClock(NOW);
  await cloud.start();
});
afterEach(() => cloud.stop());

const client = (options: Partial<HoneycombOptions> = {}) =>
  new HoneycombClient({ apiUrl: cloud.url, apiKey: async () => 'secret-key', clock, ...options });

/** A client that takes the fake for the cloud's host. */
const cloudClient = () =>
  client({
    apiUrl: 'https://api.honeycomb.io',
    fetch: (input, init) => fetch(String(input).replace('https://api.honeycomb.io', cloud.url), init),
  });

describe('a query', () => {
  it('is created, run and polled, and says what it cost', async () => {
    let polls = 0;
    cloud.reply = ({ method, path }) =>
      method === 'GET' && path.startsWith('/1/query_results') && ++polls < 3
        ? { body: { id: 'r1', complete: false } }
        : undefined;
    const one = cloudClient();
    const answer = await one.run('shop/α', SPEC, WINDOW);
    expect(answer).toMatchObject({
      rows: [{ name: 'x', COUNT: 2 }],
      truncated: false,
      url: 'https://ui.honeycomb.io/t/q1',
    });
    expect(cloud.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /1/queries/shop%2F%CE%B1',
      'POST /1/query_results/shop%2F%CE%B1',
      ...Array(3).fill('GET /1/query_results/shop%2F%CE%B1/r1'),
    ]);
    expect(cloud.seen[0]?.body).toEqual({ ...SPEC, start_time: 1_789_999_380, end_time: 1_789_999_740 });
    expect(cloud.seen[1]?.body).toMatchObject({ query_id: 'q1', disable_series: true, limit: 100 });
    expect(cloud.seen[0]?.key).toBe('secret-key');
    expect(clock.slept).toEqual([200, 400, 800]);
    expect(one.requests).toBe(1);
  });

  it('is answered from the cache once its window has settled', async () => {
    const one = client();
    const first = await one.run('shop', SPEC, WINDOW);
    expect(await one.run('shop', SPEC, { ...WINDOW })).toBe(first);
    expect(one.requests).toBe(1);
    await one.run('shop', SPEC, { start: NOW - 60_000, end: NOW });
    await one.run('shop', SPEC, { start: NOW - 60_000, end: NOW });
    expect(one.requests).toBe(3);
    expect(cloud.count('POST', '/1/queries/')).toBe(2);
  });

  it('is shared by callers who ask at the same time, and goes on when one of them leaves', async () => {
    const one = client();
    const leave = new AbortController();
    const left = one.run('shop', SPEC, WINDOW, { signal: leave.signal });
    const stayed = one.run('shop', SPEC, WINDOW, { signal: new AbortController().signal });
    leave.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect((await stayed).rows).toHaveLength(1);
    expect(one.requests).toBe(1);
  });

  it('ends when its only caller leaves', async () => {
    cloud.reply = ({ method, path }) =>
      method === 'GET' && path.startsWith('/1/query_results')
        ? { body: { id: 'r1', complete: false } }
        : undefined;
    const leave = new AbortController();
    clock.onSleep = () => leave.abort();
    await expect(client().run('shop', SPEC, WINDOW, { signal: leave.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('gives up after 30 seconds', async () => {
    cloud.reply = ({ method }) => (method === 'GET' ? { body: { id: 'r1', complete: false } } : undefined);
    await expect(cloudClient().run('shop', SPEC, WINDOW)).rejects.toMatchObject({ code: 'timeout' });
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(30_000);
  });

  it('is created again when the store no longer knows it', async () => {
    const one = client();
    const recent = { start: NOW - 60_000, end: NOW };
    await one.run('shop', SPEC, recent);
    cloud.reply = ({ path, body }) =>
      path === '/1/queries/shop'
        ? { body: { id: 'q2' } }
        : body['query_id'] === 'q1'
          ? { status: 404, body: { error: 'Query not found' } }
          : undefined;
    expect((await one.run('shop', SPEC, recent)).rows).toHaveLength(1);
  });

  it('takes flat rows, times without a zone, and cuts what is no cell', async () => {
    cloud.reply = ({ method }) =>
      method === 'GET'
        ? {
            body: {
              id: 'r',
              complete: true,
              data: {
                results: [{ name: 'flat', COUNT: 1, odd: { a: 1 } }],
                series: [
                  { time: '2026-01-01T00:00:00', data: { COUNT: 1 } },
                  { time: '2026-01-01T00:00:00Z', data: {} },
                  { time: 1_767_225_600, data: {} },
                  { time: 'soon', data: {} },
                ],
              },
              links: { query_url: 'javascript:alert(1)' },
            },
          }
        : undefined;
    const answer = await client().run('shop', SPEC, WINDOW, { series: true });
    expect(answer.rows).toEqual([{ name: 'flat', COUNT: 1, odd: '{"a":1}' }]);
    expect(answer.series.map((point) => point.time)).toEqual(Array(3).fill(1_767_225_600_000));
    expect(answer.url).toBeUndefined();
  });

  it.each([
    ['https://ui.honeycomb.io/t/q1', 'https://ui.honeycomb.io/t/q1'],
    ['https://ui.eu1.honeycomb.io/t/q1', 'https://ui.eu1.honeycomb.io/t/q1'],
    ['https://honeycomb.io.example.org/t/q1', undefined],
    ['https://example.org/t/q1', undefined],
  ])('an answer that leads to %s leads to %s', async (query_url, expected) => {
    cloud.reply = ({ method }) =>
      method === 'GET'
        ? { body: { id: 'r', complete: true, data: { results: [], series: [] }, links: { query_url } } }
        : undefined;
    expect((await client().run('shop', SPEC, WINDOW)).url).toBe(expected);
  });

  it('says when rows may be missing', async () => {
    expect((await client().run('shop', { ...SPEC, limit: 1 }, WINDOW)).truncated).toBe(true);
  });
});

describe('the budget', () => {
  it('waits for the eleventh result of a minute, and longer for the second relational one', async () => {
    const one = cloudClient();
    const at = (n: number) => ({ start: WINDOW.start - n * 3_600_000, end: WINDOW.end - n * 3_600_000 });
    for (let n = 0; n < 10; n++) await one.run('shop', SPEC, at(n));
    expect(clock.slept.filter((ms) => ms > 1_000)).toEqual([]);
    await one.run('shop', SPEC, at(10));
    expect(clock.slept.filter((ms) => ms > 1_000)).toHaveLength(1);

    const relational = { ...SPEC, breakdowns: ['parent.name'] };
    const started = clock.now();
    await one.run('shop', relational, at(11));
    await one.run('shop', relational, at(12));
    expect(clock.now() - started).toBeGreaterThanOrEqual(50_000);
    expect(one.requests).toBe(13);
  });

  it('is not kept for a collector', async () => {
    const one = client();
    for (let n = 0; n < 20; n++) await one.run('shop', SPEC, { start: n * 1000, end: n * 1000 + 500 });
    expect(clock.slept.every((ms) => ms <= 1_000)).toBe(true);
  });

  it.each([
    [{ 'Retry-After': '42' }, 42],
    [{ 'Retry-After': new Date(NOW + 90_000).toUTCString() }, 90],
    [{ 'Retry-After': new Date(NOW + 30_000).toISOString() }, 30],
    [{ RateLimit: 'limit=100, remaining=0, reset=17' }, 17],
    [{ 'Ratelimit-Policy': 'limit=10; Reset=5' }, 5],
    [{}, 60],
  ])('a 429 with %j is not retried, and says to wait %d s', async (headers, seconds) => {
    cloud.reply = ({ path }) =>
      path.startsWith('/1/query_results')
        ? { status: 429, headers: { ...headers }, body: { error: 'slow down' } }
        : undefined;
    const one = cloudClient();
    await expect(one.run('shop', SPEC, WINDOW)).rejects.toMatchObject({
      code: 'rate-limited',
      message: expect.stringContaining(`${seconds} s`),
    });
    expect(cloud.count('POST', '/1/query_results')).toBe(1);
  });
});

describe('refusals', () => {
  it.each([
    [401, { error: 'unknown API key - check your credentials' }, 'unauthorized', /unknown API key/],
    [
      403,
      { errors: [{ title: 'Forbidden', detail: 'needs the permission' }] },
      'forbidden',
      /needs the permission/,
    ],
    [404, { error: 'Dataset not found' }, 'not-found', /dataset shop was not found/],
    [
      422,
      {
        status: 422,
        title: 'invalid',
        type_detail: [{ field: 'breakdowns[0]', code: 'invalid', description: 'unknown column' }],
      },
      'bad-input',
      /breakdowns\[0\]: unknown column/,
    ],
    [400, 'a proxy’s page', 'bad-input', /refused/],
    [502, '<html>', 'unreachable', /502/],
  ])('%d with %j is a Problem', async (status, body, code, message) => {
    cloud.reply = () => ({ status, body });
    const failure = client().run('shop', SPEC, WINDOW);
    await expect(failure).rejects.toMatchObject({
      name: 'Problem',
      code,
      message: expect.stringMatching(message),
    });
    await failure.catch((error: Error & { nextStep: string }) => {
      expect(error.nextStep).not.toBe('');
      expect(`${error.message}${error.nextStep}`).not.toContain('secret-key');
    });
  });

  it('a store that is down is unreachable', async () => {
    const url = cloud.url;
    await cloud.stop();
    await expect(client({ apiUrl: url }).datasets()).rejects.toMatchObject({ code: 'unreachable' });
    await cloud.start();
  });

  it('an answer of another shape is refused, not trusted', async () => {
    cloud.reply = () => ({ body: { hello: 'world' } });
    await expect(client().datasets()).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('shape'),
    });
  });

  it('the key is not carried to where a redirect points', async () => {
    cloud.reply = ({ path }) =>
      path === '/1/datasets' ? { status: 302, headers: { Location: `${cloud.url}/stolen` } } : undefined;
    await expect(client().datasets()).rejects.toMatchObject({ code: 'unreachable' });
    expect(cloud.count('GET', '/stolen')).toBe(0);
  });
});
