import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Problem } from '../src/problem.ts';
import { freePort } from './cloud/http.ts';
import { ONLOOKER_NICE, prioritise } from './priority.ts';
import type { Toolchain } from './setup/toolchain.mjs';

/** A VS Code that runs as a server on loopback, with the extension in it; a browser is its window. */
export interface Editor {
  /** Opens the workspace; `path` and payload come as the query VS Code's web workbench understands. */
  readonly url: string;
  readonly port: number;
  /** Changes settings of the running window; they take effect at once. */
  change(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /** Where the extension keeps what outlives a window (its global storage). */
  readonly stateDir: string;
  close(): Promise<void>;
}

export interface EditorOptions {
  readonly toolchain: Toolchain;
  /** Absolute path of the folder to open. */
  readonly workspace: string;
  /** Absolute path of an unpacked extension (a folder with package.json and dist/). Absent: none. */
  readonly extension?: string;
  /** Absolute path of a packed extension, to be installed by VS Code itself. */
  readonly vsix?: string;
  /** Where everything that the server writes goes. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Lets a test suite be named in the address (`extensionTestsPath`). */
  readonly testDriver?: boolean;
  readonly signal?: AbortSignal;
}

/** Settings without which a first start shows pages of its own. */
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'chat.commandCenter.enabled': false,
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.layoutControl.enabled': false,
};

/** Starts the server and waits until it answers. A Problem says what is missing. */
export async function startEditor(options: EditorOptions): Promise<Editor> {
  const { toolchain, dir } = options;
  if (toolchain.vscode === undefined) {
    const reason =
      toolchain.skipped.find(({ name }) => name.startsWith('VS Code'))?.reason ?? 'it is not installed';
    throw new Problem(
      'not-found',
      `There is no VS Code to run in: ${reason}`,
      'See the set-up’s messages above.',
    );
  }
  const port = await freePort();
  // The window has a terminal in it: whoever has the address may open it, and nobody else.
  const token = randomUUID();
  const extensions = join(dir, 'extensions');
  // One folder for both, so that builds that keep a user's settings on the server and those that don't look alike.
  const data = join(dir, 'server', 'data');
  const settings: Record<string, unknown> = {
    ...QUIET,
    ...(toolchain.pulumi ? { 'plumbline.pulumi.path': toolchain.pulumi.bin } : {}),
    ...options.settings,
  };
  const change = async (more: Readonly<Record<string, unknown>>) => {
    Object.assign(settings, more);
    for (const folder of ['User', 'Machine']) {
      await mkdir(join(data, folder), { recursive: true });
      await writeFile(join(data, folder, 'settings.json'), JSON.stringify(settings, null, 2));
    }
  };
  await mkdir(extensions, { recursive: true });
  await change({});
  if (options.extension)
    await symlink(options.extension, join(extensions, 'plumbline.plumbline-0.1.0'), 'dir');

  if (options.vsix) await installExtension(toolchain.vscode, options.vsix, dir, extensions);

  const child = spawn(
    toolchain.vscode.node,
    [
      toolchain.vscode.serverMain,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--connection-token',
      token,
      '--accept-server-license-terms',
      '--server-data-dir',
      join(dir, 'server'),
      '--user-data-dir',
      data,
      '--extensions-dir',
      extensions,
      '--telemetry-level',
      'off',
      '--disable-workspace-trust',
      // The lab's environment is the one that counts, not the login shell's.
      '--force-disable-user-env',
      ...(options.testDriver ? ['--enable-smoke-test-driver'] : []),
    ],
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...options.env, NODE_OPTIONS: undefined } },
  );
  prioritise(child.pid, ONLOOKER_NICE);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-4000);
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      endGroup(child.pid, signal);
      await Promise.race([ended, sleep(3000)]);
    }
    // Extension hosts and terminals live in the server's group and may outlive it.
    endGroup(child.pid, 'SIGKILL');
  };

  const editor: Editor = {
    url: `http://127.0.0.1:${port}/?tkn=${token}&folder=${encodeURIComponent(options.workspace)}`,
    port,
    change,
    stateDir: join(data, 'User', 'globalStorage', 'plumbline.plumbline'),
    close,
  };
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (options.signal?.aborted) break;
    if (child.exitCode !== null) break;
    if (await answers(port)) return editor;
    await sleep(200);
  }
  await close();
  if (options.signal?.aborted)
    throw new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.');
  throw new Problem(
    'unreachable',
    `VS Code’s server did not start: ${printed.trim().slice(-600)}`,
    'Try again.',
  );
}

/** `--install-extension`, as a person would install a VSIX. */
async function installExtension(
  vscode: NonNullable<Toolchain['vscode']>,
  vsix: string,
  dir: string,
  extensions: string,
): Promise<void> {
  const folders = ['--extensions-dir', extensions, '--server-data-dir', join(dir, 'server')];
  const args = [vscode.serverMain, '--install-extension', vsix, '--force', ...folders];
  try {
    await promisify(execFile)(vscode.node, args, { timeout: 120_000 });
  } catch (error) {
    throw new Problem(
      'internal',
      `VS Code did not install ${vsix}: ${String(error).slice(0, 600)}`,
      'See its words.',
    );
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/version`, { signal: AbortSignal.timeout(2000) });
    return response.ok;
  } catch {
    return false;
  }
}

function endGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}
