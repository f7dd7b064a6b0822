import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEditor } from './editor.ts';
import type { Lab } from './lab.ts';
import type { Toolchain } from './setup/toolchain.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** Opens the lab's workspace with the extension and stays until the signal: the desktop's `code`, else a browser's address. */
export async function openEditor(
  lab: Lab,
  toolchain: Toolchain,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const dir = join(lab.dir, 'editor');
  if (toolchain.desktop) {
    say('Opening VS Code with the lab’s workspace. Ctrl-C here ends the lab.');
    // Data folders of its own, so that neither settings nor open windows of the user are touched.
    const child = spawn(
      toolchain.desktop.code,
      [
        '--new-window',
        '--wait',
        `--extensionDevelopmentPath=${checkout}`,
        `--user-data-dir=${join(dir, 'user')}`,
        `--extensions-dir=${join(dir, 'extensions')}`,
        lab.workspaceDir,
      ],
      { env: lab.env, stdio: 'ignore', detached: true },
    );
    await Promise.race([once(child, 'close'), aborted(signal)]);
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    return;
  }
  const editor = await startEditor({
    toolchain,
    workspace: lab.workspaceDir,
    extension: checkout,
    dir,
    env: lab.env,
    signal,
  });
  try {
    say(`\nVS Code with the lab’s workspace: ${editor.url}\nCtrl-C here ends the lab.`);
    await aborted(signal);
  } finally {
    await editor.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
