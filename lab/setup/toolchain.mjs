import process from 'node:process';
import { browserStep } from './browser.mjs';
import { thisMachine } from './machine.mjs';
import { nodeStep } from './node.mjs';
import { pulumiStep } from './pulumi.mjs';
import { desktopStep, vscodeStep } from './vscode.mjs';

/**
 * What set-up found or got, as it hands it to the program that it starts. All paths are absolute.
 * @typedef {object} Toolchain
 * @property {string} node Node 24 or newer
 * @property {PulumiCli} [pulumi]
 * @property {VsCodeServer} [vscode]
 * @property {VsCodeDesktop} [desktop]
 * @property {string} [chromium] the browser's binary
 * @property {readonly Skipped[]} skipped
 */

/**
 * @typedef {object} PulumiCli
 * @property {string} bin
 * @property {string} version without a leading v
 * @property {boolean} standInLanguageHost whether a stand-in runs Node.js programs (see language-host.mjs)
 */

/**
 * VS Code's server: run `node serverMain --host … --port …`.
 * @typedef {object} VsCodeServer
 * @property {'server'} kind
 * @property {string} root
 * @property {string} serverMain
 * @property {string} node the Node its native modules were made for
 * @property {string} version of VS Code
 */

/**
 * @typedef {object} VsCodeDesktop
 * @property {string} code the `code` command
 */

/**
 * @typedef {object} Skipped
 * @property {string} name
 * @property {string} reason
 */

/** The environment variable that carries it. */
export const TOOLCHAIN = 'PLUMBLINE_TOOLCHAIN';

/**
 * The toolchain that set-up handed over; without one, e.g. when a test file is run by itself, what is there
 * already. Installs nothing.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Toolchain>}
 */
export async function readToolchain(signal = new AbortController().signal) {
  const handed = process.env[TOOLCHAIN];
  if (handed) return JSON.parse(handed);
  const machine = thisMachine(signal);
  /** @type {Skipped[]} */
  const skipped = [];
  /**
   * @template T
   * @param {import('./step.mjs').Step<T>} step
   */
  const look = async (step) => {
    const found = await step.find(machine);
    if (!found) skipped.push({ name: step.name, reason: 'not here; `npm test` gets it where it can' });
    return found?.value;
  };
  const [node, pulumi, vscode, desktop, chromium] = await Promise.all([
    look(nodeStep),
    look(pulumiStep),
    look(vscodeStep),
    desktopStep.find(machine).then((found) => found?.value),
    look(browserStep),
  ]);
  return {
    node: node ?? process.execPath,
    ...(pulumi && { pulumi }),
    ...(vscode && { vscode }),
    ...(desktop && { desktop }),
    ...(chromium && { chromium }),
    skipped,
  };
}
