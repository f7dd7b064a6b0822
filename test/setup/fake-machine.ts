import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Machine } from '../../lab/setup/machine.mjs';

interface Call {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv | undefined;
}

export interface FakeMachine extends Machine {
  /** Every command that was asked for, in order. */
  readonly calls: Call[];
}

/** A machine of its own temp folder: commands are answered by the test, and there is no network. */
export async function fakeMachine(over: Partial<Machine> = {}): Promise<FakeMachine> {
  const home = await temporaryFolder();
  const calls: Call[] = [];
  const run: Machine['run'] =
    over.run ??
    (async (file) => {
      throw new Error(`no ${file} here`);
    });
  const offline = async (url: string): Promise<never> => {
    throw new Error(`${new URL(url).host} can't be reached (ENOTFOUND)`);
  };
  return {
    platform: 'linux',
    arch: 'x64',
    isRoot: false,
    env: {},
    home,
    cache: path.join(home, '.cache', 'plumbline'),
    checkout: path.join(home, 'checkout'),
    node: path.join(home, 'node', 'bin', 'node'),
    ownVersion: 'v20.20.2',
    signal: new AbortController().signal,
    which: async () => undefined,
    exists: (file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    fetchText: offline,
    download: offline,
    ...over,
    calls,
    run(file, args, options) {
      calls.push({ file, args, env: options?.env });
      return run.call(this, file, args, options);
    },
  };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'plumbline-setup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
