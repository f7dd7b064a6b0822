import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { TOOLCHAIN } from './toolchain.mjs';

/** @import { Toolchain } from './toolchain.mjs' */

/**
 * Runs the command's own program as a direct child with this process's streams, and ends as it ends.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {Toolchain} toolchain
 * @param {string} cwd
 * @returns {Promise<number>} the exit code; 128 and the signal's number when a signal ended it
 */
export async function handOver(file, args, toolchain, cwd) {
  const bins = [
    path.dirname(toolchain.node),
    ...(toolchain.pulumi ? [path.dirname(toolchain.pulumi.bin)] : []),
  ];
  const child = spawn(toolchain.node, [file, ...args], {
    cwd,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: [...bins, process.env['PATH']].filter(Boolean).join(path.delimiter),
      [TOOLCHAIN]: JSON.stringify(toolchain),
    },
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      // Ctrl-C on a terminal goes to the whole group: passed on as well, it would come to the child twice.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  await once(child, 'exit');
  return child.exitCode ?? 128 + os.constants.signals[child.signalCode ?? 'SIGTERM'];
}
