import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { installFolder } from '../../lab/setup/install-folder.mjs';
import { temporaryFolder } from './fake-machine.ts';

describe('installFolder', () => {
  test('puts the whole folder there at once', async () => {
    const parent = await temporaryFolder();
    const target = path.join(parent, 'deep', 'tool-1');
    await installFolder(target, async (to) => {
      await writeFile(path.join(to, 'a'), 'one');
      expect(await readdir(path.dirname(target))).not.toContain('tool-1');
    });
    expect(await readFile(path.join(target, 'a'), 'utf8')).toBe('one');
    expect(await readdir(path.dirname(target))).toEqual(['tool-1']);
  });

  test('a build that fails leaves what was there, and nothing else', async () => {
    const parent = await temporaryFolder();
    const target = path.join(parent, 'tool-1');
    await installFolder(target, (to) => writeFile(path.join(to, 'a'), 'old'));
    const failing = installFolder(target, async (to) => {
      await writeFile(path.join(to, 'a'), 'half');
      throw new Error('no room');
    });
    await expect(failing).rejects.toThrow('no room');
    expect(await readFile(path.join(target, 'a'), 'utf8')).toBe('old');
    expect(await readdir(parent)).toEqual(['tool-1']);
  });

  test('replaces what was unusable and sweeps what a killed build left, but no other tool’s', async () => {
    const parent = await temporaryFolder();
    await mkdir(path.join(parent, '.tool-1-building-x', 'half'), { recursive: true });
    await mkdir(path.join(parent, '.tool-10-building-x'));
    await mkdir(path.join(parent, 'tool-1', 'broken'), { recursive: true });
    await installFolder(path.join(parent, 'tool-1'), (to) => writeFile(path.join(to, 'a'), 'new'));
    expect((await readdir(parent)).sort()).toEqual(['.tool-10-building-x', 'tool-1']);
    expect(await readdir(path.join(parent, 'tool-1'))).toEqual(['a']);
  });
});
