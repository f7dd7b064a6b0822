/**
 * What each of package.json's commands needs before it can run, and the program that it then is.
 * @typedef {object} Command
 * @property {string} program the file that Node runs, from the checkout's root
 * @property {boolean} bundles whether it works on what esbuild.mjs makes
 * @property {(args: readonly string[]) => readonly Need[]} needs beside dependencies and Node, which all need
 */

/** @typedef {'pulumi' | 'vscode' | 'browser' | 'somewhere-to-open'} Need */

/** @type {readonly Need[]} */
const EVERYTHING = ['pulumi', 'vscode', 'browser'];

/** @type {ReadonlyMap<string, Command>} */
export const commands = new Map(
  /** @type {[string, Command][]} */ ([
    [
      'start',
      {
        program: 'lab/start.ts',
        bundles: true,
        // Without --headless a person looks: in their own VS Code, or at an address, in a browser of their own.
        needs: (args) => (args.includes('--headless') ? ['pulumi'] : ['pulumi', 'somewhere-to-open']),
      },
    ],
    ['test', { program: 'test/run.ts', bundles: true, needs: () => EVERYTHING }],
    ['walk', { program: 'test/walk/walk.ts', bundles: true, needs: () => EVERYTHING }],
    ['package', { program: 'lab/setup/package.mjs', bundles: true, needs: () => [] }],
    ['bench', { program: 'bench/main.ts', bundles: true, needs: () => [] }],
    ['rca', { program: 'bench/rca.ts', bundles: false, needs: () => [] }],
  ]),
);
