import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { installFolder } from './install-folder.mjs';
import { npm } from './npm.mjs';
import { isAtLeast } from './version.mjs';

/** @import { Machine } from './machine.mjs' */
/** @import { Step } from './step.mjs' */

/** The line that runs TypeScript as it stands and has a compile cache. */
const MAJOR = 24;
/** @type {readonly [number, number, number]} */
const LEAST = [MAJOR, 0, 0];

/** @param {Machine} machine */
const folder = (machine) => path.join(machine.cache, `node-${MAJOR}`);

/** @type {Step<string>} */
export const nodeStep = {
  id: 'node',
  name: 'Node',
  async find(machine) {
    if (isAtLeast(machine.ownVersion, LEAST)) {
      return { value: machine.node, text: `Node ${machine.ownVersion.replace(/^v/, '')}` };
    }
    return findKeptNode(machine);
  },
  ways: [
    {
      name: 'nodejs.org',
      obtain: (machine) => installFolder(folder(machine), (to) => unpackRelease(machine, to)),
    },
    { name: 'npm', obtain: installNodeFromNpm },
  ],
};

/**
 * The Node that an earlier set-up got.
 * @param {Machine} machine
 * @returns {Promise<import('./step.mjs').Found<string> | undefined>}
 */
export async function findKeptNode(machine) {
  const file = path.join(folder(machine), machine.platform === 'win32' ? 'node.exe' : 'bin/node');
  if (!(await machine.exists(file))) return undefined;
  const version = (await machine.run(file, ['--version'], { timeout: 20_000 })).trim();
  return isAtLeast(version, LEAST) ? { value: file, text: `Node ${version.slice(1)}` } : undefined;
}

/**
 * @param {Machine} machine
 * @param {string} to
 */
async function unpackRelease(machine, to) {
  if (machine.platform === 'win32') throw new Error('its archive for Windows is not a tarball');
  const site = `https://nodejs.org/dist/latest-v${MAJOR}.x`;
  const wanted = `-${machine.platform}-${machine.arch}.tar.gz`;
  const sums = (await machine.fetchText(`${site}/SHASUMS256.txt`))
    .split('\n')
    .map((line) => line.split(/\s+/));
  const [sum, name] = sums.find((entry) => entry[1]?.endsWith(wanted)) ?? [];
  if (!sum || !name) throw new Error(`it has no build for ${machine.platform}-${machine.arch}`);
  const archive = path.join(to, 'node.tar.gz');
  const { sha256 } = await machine.download(`${site}/${name}`, archive);
  if (sha256 !== sum) throw new Error(`${name} does not have the checksum that the site gives for it`);
  await machine.run('tar', ['-xzf', archive, '-C', to, '--strip-components=1']);
  await rm(archive);
}

/**
 * Node's binary and headers as npm serves them, package by platform.
 * @param {Machine} machine
 */
export async function installNodeFromNpm(machine) {
  await installFolder(folder(machine), async (to) => {
    const name = `node-${machine.platform === 'win32' ? 'win' : machine.platform}-${machine.arch}`;
    const stage = path.join(to, 'npm');
    await mkdir(stage);
    await npm(machine, ['install', '--prefix', stage, '--ignore-scripts', '--no-save', `${name}@${MAJOR}`]);
    for (const part of ['bin', 'include']) {
      await rename(path.join(stage, 'node_modules', name, part), path.join(to, part));
    }
    await rm(stage, { recursive: true });
  });
}

/**
 * The folder with Node's headers (`include/node/node.h`) that belong to this Node, for compiling against it.
 * @param {Machine} machine
 * @returns {Promise<string | undefined>}
 */
export async function headersOf(machine) {
  const root = path.dirname(path.dirname(machine.node));
  return (await machine.exists(path.join(root, 'include/node/node.h'))) ? root : undefined;
}
