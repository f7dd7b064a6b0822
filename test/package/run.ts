import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEditor } from '../../lab/editor.ts';
import { readToolchain } from '../../lab/setup/toolchain.mjs';
import { runCommand } from '../command.ts';
import { failed, passed, type Stage, skipped, total } from '../stage.ts';
import { packExtension } from './vsix.ts';

/** What may be in the package, as patterns of paths inside it. */
const ALLOWED = [
  /^extension\/(package\.json|readme\.md|changelog\.md|LICENSE\.txt)$/i,
  /^extension\/media\/[^/]+\.(png|svg|css|md)$/,
  /^extension\/media\/.+\/[^/]+\.(png|svg|md)$/,
  /^extension\/dist\/[a-z-]+\.(cjs|js|css)$/,
  /^extension\/dist\/native\/(LICENSE|[a-z]+\.(node|so|dylib|dll))$/,
  /^extension\.vsixmanifest$/,
  /^\[Content_Types\]\.xml$/,
];

/** The VSIX holds what it should and nothing else, and a real VS Code installs it. */
export const packageStage: Stage = {
  name: 'package',
  async run(signal) {
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-vsix-'));
    try {
      const vsix = await packExtension(dir, signal);
      return total([await contents(vsix, signal), await installs(vsix, dir, signal)]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function contents(vsix: string, signal: AbortSignal) {
  const name = 'the VSIX holds what is allowed';
  const { code, stdout } = await runCommand('unzip', ['-Z1', vsix], { signal }).catch(() => ({
    code: 127,
    stdout: '',
  }));
  if (code !== 0) return skipped(name, 'unzip is not on this machine');
  const files = stdout.split('\n').filter((line) => line !== '' && !line.endsWith('/'));
  const strange = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  const lacking = ['extension.cjs', 'collector.cjs', 'mcp.cjs', 'webview.js'].filter(
    (file) => !files.includes(`extension/dist/${file}`),
  );
  return strange.length === 0 && lacking.length === 0
    ? passed(1)
    : failed(name, `not allowed: ${strange.join(', ') || 'none'}; lacking: ${lacking.join(', ') || 'none'}`);
}

async function installs(vsix: string, dir: string, signal: AbortSignal) {
  const name = 'a real VS Code installs the VSIX';
  const toolchain = await readToolchain(signal);
  if (!toolchain.vscode) {
    return skipped(
      name,
      toolchain.skipped.find((item) => item.name.startsWith('VS Code'))?.reason ?? 'no VS Code',
    );
  }
  const workspace = join(dir, 'workspace');
  const editor = await startEditor({
    toolchain,
    workspace,
    vsix,
    dir: join(dir, 'editor'),
    env: process.env,
    signal,
  });
  await editor.close();
  const installed = await readdir(join(dir, 'editor', 'extensions'));
  return installed.some((folder) => folder.startsWith('plumbline.plumbline-'))
    ? passed(1)
    : failed(name, `in the extensions' folder: ${installed.join(', ')}`);
}
