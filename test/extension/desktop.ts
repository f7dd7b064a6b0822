import { homedir } from 'node:os';
import { join } from 'node:path';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';

/** The version of VS Code that the suites also run in on a desktop: the oldest that the manifest promises. */
const OLDEST = '1.106.0';

export type Desktop = { readonly executable: string } | { readonly reason: string };

/** Gets a desktop VS Code where there is a display to show it on and a network to fetch it from; else says why not. */
export async function desktopVsCode(): Promise<Desktop> {
  const { env, platform } = process;
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) {
    return { reason: 'there is no display (DISPLAY and WAYLAND_DISPLAY are not set)' };
  }
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  try {
    const cachePath = join(cache, 'plumbline', 'vscode-desktop');
    return { executable: await downloadAndUnzipVSCode({ version: OLDEST, cachePath }) };
  } catch (error) {
    return {
      reason: `VS Code ${OLDEST} could not be fetched: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/** Runs one bundled suite in a window of its own; it leaves its result where the environment says. */
export async function runInDesktop(run: {
  readonly executable: string;
  readonly extension: string;
  readonly script: string;
  readonly workspace: string;
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<void> {
  await runTests({
    vscodeExecutablePath: run.executable,
    extensionDevelopmentPath: run.extension,
    extensionTestsPath: run.script,
    extensionTestsEnv: run.env,
    launchArgs: [
      run.workspace,
      `--user-data-dir=${join(run.dir, 'user')}`,
      `--extensions-dir=${join(run.dir, 'extensions')}`,
      '--disable-workspace-trust',
      '--skip-welcome',
    ],
  });
}
