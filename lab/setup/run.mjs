// The one entry of package.json's scripts: `node lab/setup/run.mjs COMMAND [args…]`. It gets what the command needs,
// says so on stderr alone (stdout belongs to the command), and hands over to the command's own program.
// It runs before anything is installed: on Node 20, with no module but Node's and its own.

import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { commands } from './commands.mjs';
import { handOver } from './hand-over.mjs';
import { checkout, thisMachine } from './machine.mjs';
import { prepare } from './prepare.mjs';
import { Report } from './report.mjs';
import { Unavailable } from './step.mjs';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @param {readonly string[]} argv
 * @returns {Promise<number>} the exit code
 */
async function main([name = '', ...args]) {
  const command = commands.get(name);
  if (!command) {
    process.stderr.write(`Unknown command "${name}". There are: ${[...commands.keys()].join(', ')}.\n`);
    return 2;
  }
  const abort = new AbortController();
  /** @type {number | undefined} */
  let interrupted;
  /** @param {typeof SIGNALS[number]} signal */
  const onSignal = (signal) => {
    interrupted = 128 + os.constants.signals[signal];
    abort.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);

  const report = new Report();
  try {
    const toolchain = await prepare(command, args, thisMachine(abort.signal), report);
    report.close();
    for (const signal of SIGNALS) process.off(signal, onSignal);
    return await handOver(path.join(checkout, command.program), args, toolchain, checkout);
  } catch (error) {
    report.close();
    if (interrupted !== undefined) return interrupted;
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
