import path from 'node:path';
import { buildServer } from './vscode-build.mjs';
import { downloadServer } from './vscode-download.mjs';
import { readReceipt } from './vscode-receipt.mjs';

/** @import { Machine } from './machine.mjs' */
/** @import { Step } from './step.mjs' */
/** @import { VsCodeServer, VsCodeDesktop } from './toolchain.mjs' */

const VERSION = '1.139.1';

/** @param {Machine} machine */
const folder = (machine) => path.join(machine.cache, `vscode-${VERSION}`);

/** @type {Step<VsCodeServer>} */
export const vscodeStep = {
  id: 'vscode',
  name: 'VS Code',
  async find(machine) {
    const root = folder(machine);
    const serverMain = path.join(root, 'out', 'server-main.js');
    const receipt = await readReceipt(root);
    if (!receipt || !(await machine.exists(serverMain))) return undefined;
    const { node, from } = receipt;
    // Its native modules belong to that Node: where it is gone, they are of no use.
    if (!(await machine.exists(node))) return undefined;
    return {
      value: { kind: 'server', root, serverMain, node, version: VERSION },
      text: `VS Code ${VERSION} for the browser (${from})`,
    };
  },
  ways: [
    { name: 'download', obtain: (machine) => downloadServer(machine, VERSION, folder(machine)) },
    { name: 'npm', obtain: (machine, note) => buildServer(machine, VERSION, folder(machine), note) },
  ],
};

/**
 * VS Code as an application is only looked for: installing one is the person's affair.
 * @type {Step<VsCodeDesktop>}
 */
export const desktopStep = {
  id: 'desktop',
  name: 'VS Code on the desktop',
  async find(machine) {
    // On a Linux without a display `code` could open nothing.
    const { env, platform } = machine;
    if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return undefined;
    const code = await machine.which('code');
    return code ? { value: { code }, text: 'VS Code on the desktop' } : undefined;
  },
  ways: [],
};
