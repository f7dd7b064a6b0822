import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { percentile, report } from '../../lab/load/report.ts';
import { type Exchange, type LoadShape, Users } from '../../lab/load/users.ts';
import { listen, type Peer } from './chatbot-peers.ts';

const LOAD = fileURLToPath(new URL('../../lab/load/main.ts', import.meta.url));

let service: Peer | undefined;
afterEach(() => service?.close());

const QUIET: LoadShape = { users: 0, thinkMs: 1, history: 0, documentKiB: 0, newQuestions: 0 };

/** A service that answers when it is let go, and counts how many wait at the same time. */
async function heldService() {
  const waiting: (() => void)[] = [];
  const seen = { most: 0, histories: [] as number[] };
  service = await listen(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.histories.push(JSON.parse(Buffer.concat(chunks).toString()).history.length);
    waiting.push(() =>
      response.writeHead(200, { 'server-timing': 'process-cpu;dur=12.5;desc="t1"' }).end('{}'),
    );
    seen.most = Math.max(seen.most, waiting.length);
  });
  return { url: new URL(service.url), waiting, seen };
}

describe('users', () => {
  test('wait for their answer before they ask again', async () => {
    const { url, waiting, seen } = await heldService();
    const done: Exchange[] = [];
    const users = new Users(url, { ...QUIET, users: 3, history: 4 }, (exchange) => done.push(exchange));
    try {
      users.apply({});
      await expect.poll(() => waiting.length).toBe(3);
      for (const answer of waiting.splice(0)) answer();
      await expect.poll(() => waiting.length).toBe(3);
      expect(seen.most).toBe(3);
      expect(done).toHaveLength(3);
      expect(done[0]).toMatchObject({ ok: true, processCpu: { instance: 't1', totalMs: 12.5 } });
      expect(seen.histories.every((length) => length === 4)).toBe(true);
    } finally {
      users.stop();
    }
  });

  test('come and go while the load runs', async () => {
    const { url, waiting } = await heldService();
    const users = new Users(url, { ...QUIET, users: 1 }, () => {});
    try {
      users.apply({});
      await expect.poll(() => waiting.length).toBe(1);
      users.apply({ users: 4 });
      await expect.poll(() => waiting.length).toBe(4);
    } finally {
      users.stop();
    }
  });

  test('count a failed answer as one and go on', async () => {
    service = await listen((request, response) => {
      request.resume();
      response.writeHead(502).end();
    });
    const done: Exchange[] = [];
    const users = new Users(new URL(service.url), { ...QUIET, users: 1 }, (e) => done.push(e));
    try {
      users.apply({});
      await expect.poll(() => done.length).toBeGreaterThan(1);
      expect(done[0]?.ok).toBe(false);
    } finally {
      users.stop();
    }
  });
});

test('documents open conversations of their own, and new questions are like no others', async () => {
  const bodies: { message: string; conversation: string; document: string }[] = [];
  service = await listen(async (request, response) => {
    bodies.push(JSON.parse((await buffer(request)).toString()));
    response.end('{}');
  });
  const users = new Users(
    new URL(service.url),
    { ...QUIET, users: 1, documentKiB: 3, newQuestions: 1 },
    () => {},
  );
  try {
    users.apply({});
    await expect.poll(() => bodies.length).toBeGreaterThan(8);
  } finally {
    users.stop();
  }
  expect(bodies.every(({ document }) => document.length === 3 * 1024)).toBe(true);
  expect(new Set(bodies.map(({ message }) => message)).size).toBe(bodies.length);
  expect(new Set(bodies.map(({ conversation }) => conversation)).size).toBe(bodies.length);
});

describe('the load as a process', () => {
  test.each(['stdin closes', 'SIGTERM'])('stops when %s', async (how) => {
    const { url } = await heldService();
    const child = spawn(process.execPath, [LOAD, '--url', url.href, '--users', '2', '--think-ms', '5'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');
    const exited = once(child, 'exit');
    if (how === 'SIGTERM') child.kill('SIGTERM');
    else child.stdin.end();
    expect(await exited).toEqual([0, null]);
  });

  test('takes commands, and refuses what it does not understand', async () => {
    const { url, waiting } = await heldService();
    const child = spawn(process.execPath, [LOAD, '--url', url.href], { stdio: ['pipe', 'pipe', 'pipe'] });
    const refusal = once(createInterface({ input: child.stderr }), 'line');
    child.stdin.write('{"users": "many"}\n{"users": 2, "thinkMs": 1, "history": 1}\n');
    expect(String((await refusal)[0])).toContain('Not understood');
    await expect.poll(() => waiting.length).toBe(2);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('a report', () => {
  const shape = { ...QUIET, users: 1, history: 1 };

  test('interpolates percentiles as Honeycomb does', () => {
    expect(percentile([23, 57, 82, 126], 0.95)).toBeCloseTo(119.4);
    expect(percentile([57, 234], 0.95)).toBeCloseTo(225.15);
    expect(percentile([], 0.5)).toBeNull();
  });

  test('leaves failures out of the durations and divides CPU time among the requests of each process', () => {
    const at = (instance: string, totalMs: number): Exchange => ({
      durationMs: 100,
      ok: true,
      history: 4,
      processCpu: { instance, totalMs },
    });
    const exchanges = [
      at('a', 100),
      at('b', 1000),
      at('a', 130),
      at('b', 1050),
      { durationMs: 9, ok: false, history: 9 },
    ];
    expect(report(exchanges, shape, 5)).toMatchObject({
      count: 5,
      errors: 1,
      p50: 100,
      meanHistory: 5,
      cpuMsPerRequest: 40,
    });
  });
});
