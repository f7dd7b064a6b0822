import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { npm } from './npm.mjs';

/** @import { Machine } from './machine.mjs' */
/** @import { Step } from './step.mjs' */

/** @param {Machine} machine */
const lockFile = (machine) => path.join(machine.checkout, 'package-lock.json');
/** @param {Machine} machine */
const stampFile = (machine) => path.join(machine.checkout, 'node_modules', '.plumbline-installed');

/** @type {Step<true>} */
export const dependenciesStep = {
  id: 'dependencies',
  name: 'dependencies',
  // Two checkouts may install at the same time.
  lock: (machine) => `dependencies-${digest(machine.checkout).slice(0, 12)}`,
  async find(machine) {
    const stamp = await readFile(stampFile(machine), 'utf8').catch(() => '');
    return stamp === (await expectedStamp(machine)) ? { value: true, text: 'dependencies' } : undefined;
  },
  ways: [{ name: 'npm', obtain: installDependencies }],
};

/**
 * What node_modules was installed from: the lock, and the platform that optional packages were chosen for.
 * @param {Machine} machine
 */
async function expectedStamp(machine) {
  return `${digest(await readFile(lockFile(machine)))} ${machine.platform}-${machine.arch}\n`;
}

/** @param {string | Buffer} content */
function digest(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** @param {Machine} machine */
async function installDependencies(machine) {
  const before = await readFile(lockFile(machine));
  // Not `npm ci`: it refuses a lock that lacks the optional packages of a platform nobody has locked for yet.
  await npm(machine, ['install', '--no-save', '--ignore-scripts'], { cwd: machine.checkout });
  if (!before.equals(await readFile(lockFile(machine)))) {
    await writeFile(lockFile(machine), before);
    throw new Error(
      'npm changed package-lock.json, which was put back; run `npm install` and look at the change',
    );
  }
  await writeFile(stampFile(machine), await expectedStamp(machine));
}
