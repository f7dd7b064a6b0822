import { join } from 'node:path';
import { runCommand } from '../command.ts';

/** Packs the extension as `npm run package` does, into a folder of the caller's; returns the VSIX's path. */
export async function packExtension(dir: string, signal: AbortSignal): Promise<string> {
  const file = join(dir, 'plumbline.vsix');
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ['lab/setup/package.mjs', '--out', file],
    { signal },
  );
  if (code !== 0) throw new Error(`vsce package failed: ${stdout}\n${stderr}`);
  return file;
}
