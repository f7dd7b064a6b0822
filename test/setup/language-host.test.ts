import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkout } from '../../lab/setup/machine.mjs';
import { readToolchain } from '../../lab/setup/toolchain.mjs';
import { temporaryFolder } from './fake-machine.ts';

const toolchain = await readToolchain();
const noCli = toolchain.skipped.find(({ name }) => name === 'Pulumi CLI')?.reason;

/** A project with one resource, as a copy that reaches its modules through a link. */
async function project(program: string) {
  const root = await temporaryFolder();
  const original = path.join(root, 'original');
  await mkdir(original);
  await mkdir(path.join(root, 'state'));
  await writeFile(path.join(original, 'Pulumi.yaml'), 'name: trial\nruntime: nodejs\n');
  await writeFile(path.join(original, 'package.json'), '{"name":"trial","main":"index.ts"}');
  await writeFile(path.join(original, 'index.ts'), program);
  const copy = path.join(root, 'copy');
  await cp(original, copy, { recursive: true });
  await symlink(path.join(checkout, 'node_modules'), path.join(copy, 'node_modules'));
  const env = {
    HOME: root,
    PATH: [path.dirname(toolchain.node), process.env['PATH']].join(path.delimiter),
    PULUMI_HOME: path.join(root, 'home'),
    PULUMI_BACKEND_URL: `file://${path.join(root, 'state')}`,
    PULUMI_CONFIG_PASSPHRASE: '',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    NO_COLOR: '1',
  };
  return async (...args: string[]) => {
    const bin = toolchain.pulumi?.bin ?? 'pulumi';
    const { stdout } = await promisify(execFile)(bin, [...args, '--non-interactive'], { cwd: copy, env });
    return stdout;
  };
}

describe('the Pulumi CLI of the toolchain runs a Node.js program', () => {
  test('previews with a plan and updates, also in a copy with linked modules', async (ctx) => {
    if (noCli) ctx.skip(`Pulumi CLI: ${noCli}`);
    const pulumi = await project(
      `import * as pulumi from '@pulumi/pulumi';
       const size: number = new pulumi.Config().requireNumber('size');
       export const kept = new pulumi.Stash('one', { input: size }).output;`,
    );
    await pulumi('stack', 'init', 'dev');
    const plan = ['--stack', 'organization/trial/dev'];
    await pulumi('config', 'set', 'size', '3', ...plan);
    expect(await pulumi('preview', '--save-plan', 'plan.json', ...plan)).toContain('2 to create');
    expect(await pulumi('up', '--yes', '--plan', 'plan.json', ...plan)).toContain('2 created');
    expect(JSON.parse(await pulumi('stack', 'output', '--json', ...plan))).toEqual({ kept: 3 });
  });

  test('a program that fails is an error of the command, and the program’s own words are shown', async (ctx) => {
    if (noCli) ctx.skip(`Pulumi CLI: ${noCli}`);
    const pulumi = await project("throw new Error('no such bucket');");
    await pulumi('stack', 'init', 'dev');
    const outcome = pulumi('preview', '--stack', 'organization/trial/dev');
    await expect(outcome).rejects.toMatchObject({ stdout: expect.stringContaining('no such bucket') });
  });
});
