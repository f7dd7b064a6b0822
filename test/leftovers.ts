import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkout, runCommand } from './command.ts';
import { failed, passed, type Stage, skipped, total } from './stage.ts';

/** Nothing is left running or written once everything else has run. */
export const leftoversStage: Stage = {
  name: 'leftovers',
  async run(signal) {
    return total([await noRuns(), await noProcesses(), await cleanTree(signal)]);
  },
};

async function noRuns() {
  const left = await readdir(join(checkout, '.lab')).catch(() => []);
  return left.length === 0 ? passed(1) : failed('folders of the lab', left.join(', '));
}

/** Processes that name the lab's folder of this checkout, in their arguments or as their working directory. */
async function noProcesses() {
  const name = 'processes of the lab';
  if (process.platform !== 'linux') return skipped(name, 'processes are looked up in /proc');
  const marks = [join(checkout, '.lab'), join(checkout, 'lab', 'chatbot'), join(checkout, 'lab', 'cloud')];
  const left: string[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (marks.some((mark) => command.includes(mark))) left.push(`${pid} ${command}`);
  }
  return left.length === 0 ? passed(1) : failed(name, left.join('\n'));
}

/** What git saw before anything ran; compared with what it sees at the end. */
const before = runCommand('git', ['status', '--porcelain']);

async function cleanTree(signal: AbortSignal) {
  const name = 'files of the checkout';
  const [then, now] = [await before, await runCommand('git', ['status', '--porcelain'], { signal })];
  if (then.code !== 0 || now.code !== 0) return skipped(name, 'this is no git checkout');
  const known = new Set(then.stdout.split('\n'));
  const written = now.stdout.split('\n').filter((line) => !known.has(line));
  return written.length === 0 ? passed(1) : failed(name, `written by the run:\n${written.join('\n')}`);
}
