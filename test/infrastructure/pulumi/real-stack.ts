import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { checkout } from '../../../lab/setup/machine.mjs';
import { readToolchain } from '../../../lab/setup/toolchain.mjs';
import type { StackRef } from '../../../src/infrastructure/model.ts';
import { childEnvironment } from '../../../src/infrastructure/pulumi/cli.ts';

const toolchain = await readToolchain();

/** Why tests against the real CLI can't run here; undefined where they can. */
export const noPulumi = toolchain.pulumi
  ? undefined
  : (toolchain.skipped.find(({ name }) => name === 'Pulumi CLI')?.reason ?? 'not found');

export interface RealStack {
  readonly root: string;
  readonly stack: StackRef;
  readonly settings: { readonly command: string; readonly env: Readonly<Record<string, string>> };
  write(file: string, text: string): Promise<void>;
  /** Runs the CLI as a person in a terminal would; resolves with stdout. */
  pulumi(...args: string[]): Promise<string>;
}

/** A temporary project with a file backend of its own, on the real CLI; removed when the test is over. */
export async function realStack(
  files: Readonly<Record<string, string>>,
  yaml = 'runtime: nodejs',
): Promise<RealStack> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'plumbline-test-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const projectDir = join(root, 'repository', 'infra');
  await mkdir(projectDir, { recursive: true });
  await mkdir(join(root, 'state'));
  await symlink(join(checkout, 'node_modules'), join(root, 'repository', 'node_modules'));
  const write = (file: string, text: string) => writeFile(join(projectDir, file), text);
  await write('Pulumi.yaml', `name: trial\n${yaml}\n`);
  await write('package.json', '{"name":"trial","main":"index.ts"}\n');
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(projectDir, file)), { recursive: true });
    await write(file, text);
  }
  const command = toolchain.pulumi?.bin ?? 'pulumi';
  const backend = `file://${join(root, 'state')}`;
  const env = childEnvironment({
    HOME: root,
    PATH: [dirname(toolchain.node), process.env['PATH']].join(delimiter),
    PULUMI_HOME: join(root, 'home'),
    PULUMI_BACKEND_URL: backend,
    PULUMI_CONFIG_PASSPHRASE: '',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  });
  const pulumi = async (...args: string[]) =>
    (await promisify(execFile)(command, [...args, '--non-interactive'], { cwd: projectDir, env })).stdout;
  await pulumi('stack', 'init', 'organization/trial/dev');
  return {
    root,
    stack: { fqn: 'organization/trial/dev', project: 'trial', name: 'dev', backend, projectDir },
    settings: { command, env },
    write,
    pulumi,
  };
}
