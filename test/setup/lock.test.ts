import { spawnSync } from 'node:child_process';
import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { withLock } from '../../lab/setup/lock.mjs';
import { temporaryFolder } from './fake-machine.ts';

const signal = new AbortController().signal;

async function leaveLock(folder: string, owner: { pid: number; host: string } | undefined, age = 0) {
  await mkdir(folder, { recursive: true });
  if (owner) await writeFile(path.join(folder, 'owner.json'), JSON.stringify({ token: 'theirs', ...owner }));
  const then = new Date(Date.now() - age);
  await utimes(folder, then, then);
}

/** The id of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('withLock', () => {
  test('lets one in at a time, and all in the end', async () => {
    const folder = path.join(await temporaryFolder(), 'a.lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      for (let i = 0; i < 20; i++) await turn();
      inside--;
    };
    await Promise.all([1, 2, 3].map(() => withLock(folder, { signal }, work)));
    expect(most).toBe(1);
  });

  test('is gone afterwards, also when the work failed', async () => {
    const folder = path.join(await temporaryFolder(), 'a.lock');
    const failing = withLock(folder, { signal }, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    await expect(stat(folder)).rejects.toThrow('ENOENT');
    expect(await withLock(folder, { signal }, async () => 'again')).toBe('again');
  });

  test('a lock whose process has ended is nobody’s', async () => {
    const folder = path.join(await temporaryFolder(), 'a.lock');
    await leaveLock(folder, { pid: endedProcess(), host: os.hostname() });
    expect(await withLock(folder, { signal }, async () => 'mine')).toBe('mine');
  });

  test('a lock that nobody has touched for minutes is nobody’s, wherever it was taken', async () => {
    const folder = path.join(await temporaryFolder(), 'a.lock');
    await leaveLock(folder, { pid: 1, host: 'another.example' }, 5 * 60_000);
    expect(await withLock(folder, { signal }, async () => 'mine')).toBe('mine');
    await leaveLock(folder, undefined, 5 * 60_000);
    expect(await withLock(folder, { signal }, async () => 'mine')).toBe('mine');
  });

  test.each([
    ['of another host', { pid: 1, host: 'another.example' }, 'process 1'],
    ['of a living process', { pid: process.pid, host: os.hostname() }, `process ${process.pid}`],
    ['that is not signed yet', undefined, 'another process'],
  ])('a fresh lock %s is waited for, until the wait is given up', async (_name, owner, holder) => {
    const folder = path.join(await temporaryFolder(), 'a.lock');
    await leaveLock(folder, owner);
    const abort = new AbortController();
    const waits: string[] = [];
    const onWait = (who: string) => {
      waits.push(who);
      abort.abort();
    };
    const entered = withLock(folder, { signal: abort.signal, onWait }, async () => 'mine');
    await expect(entered).rejects.toThrow(/abort/i);
    expect(waits).toEqual([holder]);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });
});
