import path from 'node:path';

/** @import { Machine } from './machine.mjs' */

/** What each call of npm has in common: its warnings are wanted, its advertising is not. */
const QUIETLY = ['--loglevel=error', '--no-audit', '--no-fund', '--no-progress', '--no-update-notifier'];

/**
 * Runs npm with the machine's Node. Scripts of packages never run: what has to be built is built by name.
 * @param {Machine} machine
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<string>} its stdout
 */
export async function npm(machine, args, options) {
  const script = await npmScript(machine);
  if (script) return machine.run(machine.node, [script, ...args, ...QUIETLY], options);
  const program = await machine.which('npm');
  if (!program) throw new Error('npm is not on PATH');
  return machine.run(program, [...args, ...QUIETLY], options);
}

/**
 * npm's own script: that of the npm which started the set-up, else the one that came with Node. The `npm` on
 * PATH would run with whatever Node its first line finds.
 * @param {Machine} machine
 * @returns {Promise<string | undefined>}
 */
async function npmScript(machine) {
  const startedBy = machine.env['npm_execpath'] ?? '';
  if (path.basename(startedBy) === 'npm-cli.js' && (await machine.exists(startedBy))) return startedBy;
  const beside = path.join(path.dirname(machine.node), '../lib/node_modules/npm/bin/npm-cli.js');
  return (await machine.exists(beside)) ? beside : undefined;
}
