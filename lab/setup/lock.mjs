import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder touches its lock this often … */
const HEARTBEAT = 10_000;
/** … so one that was not touched for this long has no holder any more, wherever that ran. */
const STALE = 60_000;
const POLL = 300;

/**
 * @typedef {object} Owner
 * @property {string} token
 * @property {number} pid
 * @property {string} host
 */

/**
 * Runs `work` while no other process does so under the same folder name. The lock only saves a second process
 * from doing the same work: that two builds never mix is ensured by `installFolder`, which renames.
 * @template T
 * @param {string} folder the lock: made here, gone afterwards
 * @param {{signal: AbortSignal, onWait?: (holder: string) => void}} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(folder, { signal, onWait }, work) {
  const release = await acquire(folder, signal, onWait);
  try {
    return await work();
  } finally {
    await release();
  }
}

/**
 * @param {string} folder
 * @param {AbortSignal} signal
 * @param {((holder: string) => void) | undefined} onWait
 */
async function acquire(folder, signal, onWait) {
  await mkdir(path.dirname(folder), { recursive: true });
  const token = randomUUID();
  for (let waited = false; ; ) {
    signal.throwIfAborted();
    if (await take(folder, token)) break;
    const owner = await readOwner(folder);
    if (await isStale(folder, owner)) {
      await clear(folder, owner);
      continue;
    }
    if (!waited) onWait?.(owner ? `process ${owner.pid}` : 'another process');
    waited = true;
    await sleep(POLL, undefined, { signal });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    // Once the lock is gone there is nothing to keep alive, and the release below notices it too.
    utimes(folder, now, now).catch(() => clearInterval(heartbeat));
  }, HEARTBEAT);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    const owner = await readOwner(folder);
    if (owner?.token === token) await rm(folder, { recursive: true, force: true });
  };
}

/**
 * @param {string} folder
 * @param {string} token
 */
async function take(folder, token) {
  try {
    await mkdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  /** @type {Owner} */
  const owner = { token, pid: process.pid, host: os.hostname() };
  await writeFile(path.join(folder, 'owner.json'), JSON.stringify(owner));
  return true;
}

/**
 * @param {string} folder
 * @returns {Promise<Owner | undefined>} undefined when the lock is gone or its owner has not signed yet
 */
async function readOwner(folder) {
  try {
    return JSON.parse(await readFile(path.join(folder, 'owner.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @param {Owner | undefined} owner
 */
async function isStale(folder, owner) {
  if (owner && owner.host === os.hostname() && !isAlive(owner.pid)) return true;
  try {
    return Date.now() - (await stat(folder)).mtimeMs > STALE;
  } catch {
    return false;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Takes a stale lock away. Between the look and the removal another process may have done the same and taken
 * the lock for itself: the rename shows whose it was, and a living one is put back.
 * @param {string} folder
 * @param {Owner | undefined} stale
 */
async function clear(folder, stale) {
  const aside = `${folder}.${randomUUID()}`;
  try {
    await rename(folder, aside);
  } catch {
    return;
  }
  const owner = await readOwner(aside);
  if (owner?.token === stale?.token) await rm(aside, { recursive: true, force: true });
  else await rename(aside, folder).catch(() => rm(aside, { recursive: true, force: true }));
}
