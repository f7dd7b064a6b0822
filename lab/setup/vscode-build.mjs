import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { installFolder } from './install-folder.mjs';
import { findKeptNode, headersOf, installNodeFromNpm } from './node.mjs';
import { npm } from './npm.mjs';
import { writeReceipt } from './vscode-receipt.mjs';

/** @import { Machine } from './machine.mjs' */

/** Built from source where the package brings no binary for this platform. */
const NATIVE = ['@vscode/spdlog', 'node-pty', '@parcel/watcher', '@vscode/sqlite3'];

/** Extensions and modules for which a test has no use, by far the largest; the server starts without them. */
const UNUSED = [
  'extensions/copilot',
  'extensions/mermaid-markdown-features',
  'extensions/microsoft-authentication',
  'extensions/ms-vscode.js-debug',
  'extensions/ms-vscode.js-debug-companion',
  'extensions/ms-vscode.vscode-js-profile-table',
  'extensions/tunnel-forwarding',
  'node_modules/@microsoft/mxc-sdk',
  'node_modules/@vscode/windows-process-tree',
  'node_modules/node-pty/third_party',
];

/**
 * VS Code's server out of the npm package code-server, whose version is VS Code's with another first number
 * (4.139.1 holds 1.139.1). Only the part that is VS Code is kept, not what code-server adds around it.
 * @param {Machine} machine
 * @param {string} version of VS Code
 * @param {string} target
 * @param {(text: string) => void} note
 */
export async function buildServer(machine, version, target, note) {
  await wantCompiler(machine);
  const builder = await withHeaders(machine);
  await installFolder(target, async (to) => {
    note('unpacking code-server from npm');
    const spec = `code-server@${version.replace(/^1\./, '4.')}`;
    await npm(machine, ['pack', spec, '--pack-destination', to], { cwd: to });
    const [archive] = (await readdir(to)).filter((name) => name.endsWith('.tgz'));
    if (!archive) throw new Error(`npm pack ${spec} left no archive`);
    const package_ = path.join(to, 'package');
    await machine.run('tar', ['-xzf', archive], { cwd: to });
    const root = path.join(package_, 'lib', 'vscode');
    for (const folder of [root, path.join(root, 'extensions')]) {
      await npm(builder, ['install', '--omit=dev', '--ignore-scripts', '--no-save'], { cwd: folder });
    }
    note('compiling its native modules, which takes 1 to 2 minutes');
    const headers = path.dirname(path.dirname(builder.node));
    await npm(builder, ['rebuild', ...NATIVE], { cwd: root, env: { npm_config_nodedir: headers } });
    await trim(machine, root);
    for (const name of await readdir(root)) await rename(path.join(root, name), path.join(to, name));
    await rm(package_, { recursive: true });
    await rm(path.join(to, archive));
    await writeReceipt(to, { node: builder.node, from: 'from code-server' });
  });
}

/** @param {Machine} machine */
async function wantCompiler(machine) {
  if (machine.platform === 'win32') throw new Error('the build is not tried on Windows');
  /** @type {string[]} */
  const missing = [];
  for (const name of ['python3', 'make']) if (!(await machine.which(name))) missing.push(name);
  if (!(await machine.which('g++')) && !(await machine.which('clang++'))) missing.push('a C++ compiler');
  if (missing.length > 0)
    throw new Error(`its native modules can't be compiled: ${missing.join(' and ')} missing`);
}

/**
 * The machine with a Node whose headers are at hand: they must be of the Node that will run the server.
 * @param {Machine} machine
 * @returns {Promise<Machine>}
 */
async function withHeaders(machine) {
  if (await headersOf(machine)) return machine;
  if (!(await findKeptNode(machine))) await installNodeFromNpm(machine);
  const found = await findKeptNode(machine);
  if (!found) throw new Error("Node's headers can't be had");
  return { ...machine, node: found.value };
}

/**
 * @param {Machine} machine
 * @param {string} root
 */
async function trim(machine, root) {
  /** @param {string} folder @param {(name: string) => boolean} superfluous */
  const sweep = async (folder, superfluous) => {
    for (const name of await readdir(path.join(root, folder)).catch(() => [])) {
      if (superfluous(name)) await rm(path.join(root, folder, name), { recursive: true, force: true });
    }
  };
  for (const folder of UNUSED) await rm(path.join(root, folder), { recursive: true, force: true });
  const ours = `${machine.platform}-${machine.arch}`;
  await sweep('node_modules/@github', (name) => name.startsWith('copilot-sdk-'));
  await sweep('node_modules/@vscode/ripgrep-universal/bin', (name) => name !== ours);
  await sweep('node_modules/node-pty/prebuilds', (name) => name !== ours);
  for (const name of NATIVE)
    await sweep(`node_modules/${name}/build/Release`, (part) => part === 'obj.target');
}
