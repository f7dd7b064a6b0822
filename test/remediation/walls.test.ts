import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkout } from '../../lab/setup/machine.mjs';
import { PulumiCli } from '../../src/infrastructure/pulumi/cli.ts';

async function sources(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(relative(checkout, path), await readFile(path, 'utf8'));
  }
  return found;
}

describe('nothing but the gate’s apply reaches `pulumi up`', () => {
  test('the words of the commands stand in one file of the gate', async () => {
    const src = await sources(join(checkout, 'src'));
    const naming = (pattern: RegExp) =>
      [...src].filter(([, text]) => pattern.test(text)).map(([path]) => path);
    expect(naming(/\[\s*['"`](up|destroy|refresh|cancel)['"`]\s*,/)).toEqual([
      'src/remediation/gate/pulumi-updates.ts',
    ]);
    expect(naming(/['"`]preview['"`]\s*,\s*['"`]--/)).toEqual(['src/remediation/gate/pulumi-updates.ts']);
    expect(naming(/['"]--(show-secrets|ignore-protect)/)).toEqual([]);
    expect(naming(/updates\.update\(/)).toEqual(['src/remediation/gate/apply.ts']);
    expect(naming(/writeAndUpdate\(/).sort()).toEqual([
      'src/remediation/gate/apply.ts',
      'src/remediation/gate/gate.ts',
    ]);
  });

  test('what models talk to can not reach the gate, through whatever it imports', async () => {
    const src = await sources(join(checkout, 'src'));
    const reached = new Set([...src.keys()].filter((path) => path.startsWith('src/mcp/')));
    for (const path of reached) {
      for (const [, specifier] of (src.get(path) ?? '').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)) {
        reached.add(join(path, '..', specifier ?? ''));
      }
    }
    expect([...reached].filter((path) => path.startsWith('src/remediation/gate/'))).toEqual([]);
    expect(reached.size).toBeGreaterThan(5);
  });

  test('a reading instance of the CLI refuses a command that changes something, before it starts anything', async () => {
    const cli = new PulumiCli({ command: '/nowhere', env: {} }, ['stack export', 'version']);
    for (const args of [
      ['up', '--yes'],
      ['preview'],
      ['stack', 'rm'],
      ['stack', 'exporter'],
      ['destroy'],
      [],
    ]) {
      await expect(cli.run(args, { cwd: '/' })).rejects.toMatchObject({ code: 'refused' });
    }
  });
});
