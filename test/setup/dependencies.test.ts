import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dependenciesStep } from '../../lab/setup/dependencies.mjs';
import type { Machine } from '../../lab/setup/machine.mjs';
import { ensure } from '../../lab/setup/step.mjs';
import { fakeMachine } from './fake-machine.ts';

const quiet = () => {};

/** A checkout with a lock, and an npm that makes node_modules as the real one does. */
async function checkout(npm: (folder: string) => Promise<void> = async () => {}) {
  const machine = await fakeMachine({
    which: async (name) => (name === 'npm' ? '/usr/bin/npm' : undefined),
    async run(this: Machine) {
      await mkdir(path.join(this.checkout, 'node_modules'), { recursive: true });
      await npm(this.checkout);
      return '';
    },
  });
  await mkdir(machine.checkout);
  const lock = path.join(machine.checkout, 'package-lock.json');
  await writeFile(lock, '{"lockfileVersion":3}');
  return { machine, lock };
}

describe('dependencies', () => {
  test('are installed once, without scripts, and without touching the lock', async () => {
    const { machine } = await checkout();
    expect((await ensure(dependenciesStep, machine, quiet)).already).toBe(false);
    expect((await ensure(dependenciesStep, machine, quiet)).already).toBe(true);
    expect(machine.calls).toHaveLength(1);
    expect(machine.calls[0]?.args).toEqual(
      expect.arrayContaining(['install', '--no-save', '--ignore-scripts', '--loglevel=error']),
    );
  });

  test('are installed again when the lock or the platform is another', async () => {
    const { machine, lock } = await checkout();
    await ensure(dependenciesStep, machine, quiet);
    await writeFile(lock, '{"lockfileVersion":3,"packages":{}}');
    expect((await ensure(dependenciesStep, machine, quiet)).already).toBe(false);
    expect((await ensure(dependenciesStep, { ...machine, arch: 'arm64' }, quiet)).already).toBe(false);
  });

  test('an npm that changes the lock is refused, and the lock put back', async () => {
    const { machine, lock } = await checkout((folder) =>
      writeFile(path.join(folder, 'package-lock.json'), '{}'),
    );
    await expect(ensure(dependenciesStep, machine, quiet)).rejects.toThrow('npm changed package-lock.json');
    expect(await readFile(lock, 'utf8')).toBe('{"lockfileVersion":3}');
    expect(await dependenciesStep.find(machine)).toBeUndefined();
  });

  test('an install that was cut off does not count', async () => {
    const { machine } = await checkout(() => Promise.reject(new Error('ended with SIGKILL')));
    await expect(ensure(dependenciesStep, machine, quiet)).rejects.toThrow('SIGKILL');
    expect(await dependenciesStep.find(machine)).toBeUndefined();
  });
});
