import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Retries, because the last files of an ended tool may appear while its folder is being removed. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 };

/**
 * Fills `target` all at once: `build` works in a folder beside it, which is renamed when it is done. So a
 * process that is killed in the middle leaves no half of a tool behind, and the next one sweeps what it left.
 * Call it under the target's lock.
 * @param {string} target
 * @param {(folder: string) => Promise<void>} build
 */
export async function installFolder(target, build) {
  const parent = path.dirname(target);
  const prefix = `.${path.basename(target)}-building-`;
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    // A tool that outlived its killed set-up may still be writing there. It is in nobody's way: the next one sweeps.
    if (name.startsWith(prefix)) await rm(path.join(parent, name), REMOVE).catch(() => {});
  }
  const folder = path.join(parent, prefix + randomUUID());
  try {
    await mkdir(folder);
    await build(folder);
    await replace(target, folder);
  } finally {
    await rm(folder, REMOVE);
  }
}

/**
 * @param {string} target
 * @param {string} folder
 */
async function replace(target, folder) {
  // What stands there was found unusable, or it would not have been built anew.
  const old = `${folder}-old`;
  await rename(target, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(folder, target);
  await rm(old, REMOVE);
}
