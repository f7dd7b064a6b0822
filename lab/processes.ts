import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Problem } from '../src/problem.ts';
import { LAB_NICE, prioritise } from './priority.ts';

/** Everything that a run starts carries its folder in this variable, however far down it was started. */
export const RUN_MARK = 'PLUMBLINE_LAB_RUN';

const READY_WITHIN_MS = 30_000;
const TAIL_CHARACTERS = 4_000;

export interface Command {
  /** As people know it: it stands in messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A server of the lab that has said where it is. */
export class LabProcess {
  readonly url: string;
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #tail: () => string;

  constructor(name: string, url: string, child: ChildProcess, lines: Interface, tail: () => string) {
    this.name = name;
    this.url = url;
    this.#child = child;
    this.#lines = lines;
    this.#tail = tail;
  }

  /** Calls back with each further line of its stdout. */
  onLine(listener: (line: string) => void): void {
    this.#lines.on('line', listener);
  }

  /** Calls back with its last words when it ends without having been asked to. */
  onDeath(listener: (lastWords: string) => void): void {
    this.#child.once('exit', () => {
      if (!this.#child.killed) listener(this.#tail());
    });
  }

  send(line: string): void {
    if (this.#child.stdin?.writable) this.#child.stdin.write(`${line}\n`);
  }

  /** SIGTERM to its group, SIGKILL for what is left of it after the grace. */
  async stop(graceMs: number): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    this.#child.kill('SIGTERM');
    await endOfProcess(this.#child, graceMs);
    endGroup(pid, 'SIGKILL');
    await endOfProcess(this.#child, 1_000);
  }
}

/**
 * Starts a server of the lab and waits for the line that says where it listens. Its stdin stays open as long as this
 * process lives: that is how it notices when nobody looks after it any more.
 */
export async function startServer(command: Command, signal: AbortSignal): Promise<LabProcess> {
  signal.throwIfAborted();
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  prioritise(child.pid, LAB_NICE);
  child.stdin.on('error', () => {}); // It ended first; that is reported by its exit.
  const tail = keepTail(child);
  const lines = createInterface({ input: child.stdout });
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_WITHIN_MS)]);
    const ended = once(child, 'close', { signal: limit }).then(() => undefined);
    const first = once(lines, 'line', { signal: limit }).then(([line]) => String(line));
    const line = await Promise.race([first, ended]);
    const url = readUrl(line);
    if (url === undefined) {
      throw new Problem(
        'unreachable',
        `The lab’s ${command.name} did not start: ${lastWords(tail() || line)}`,
        `Run it alone to see why: ${command.file} ${command.args.join(' ')}`,
      );
    }
    return new LabProcess(command.name, url, child, lines, tail);
  } catch (thrown) {
    if (child.pid !== undefined) endGroup(child.pid, 'SIGKILL');
    signal.throwIfAborted();
    if (thrown instanceof Error && thrown.name === 'AbortError') {
      throw new Problem(
        'timeout',
        `The lab’s ${command.name} was not ready after ${READY_WITHIN_MS / 1000} s: ${lastWords(tail())}`,
        'Close what keeps this machine busy and start again.',
        { cause: thrown },
      );
    }
    throw thrown;
  }
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. When the signal fires it is interrupted, and killed if that does not end it soon. */
export async function runToEnd(command: Command, signal: AbortSignal): Promise<Finished> {
  signal.throwIfAborted();
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const tail = keepTail(child);
  const interrupt = (): void => {
    child.kill('SIGINT');
    const { pid } = child;
    const deadline = setTimeout(() => pid !== undefined && endGroup(pid, 'SIGKILL'), 3_000);
    child.once('close', () => clearTimeout(deadline));
  };
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { code, stdout, stderr: tail() };
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Kills every process that carries the run's mark, and says how many there were. */
export async function endMarkedProcesses(runDir: string): Promise<number> {
  let ended = 0;
  // What they start while they are being ended carries the mark as well: look again until there are none.
  for (let round = 0; round < 5; round += 1) {
    const pids = await markedProcesses(`${RUN_MARK}=${runDir}`);
    if (pids.length === 0) break;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
        ended += 1;
      } catch {
        // It ended between the look and the signal.
      }
    }
    await sleep(50);
  }
  return ended;
}

async function markedProcesses(mark: string): Promise<number[]> {
  if (process.platform === 'linux') {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const environments = await Promise.all(
      // Other people's environments can't be read, and theirs are not ours.
      pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
    );
    return pids
      .filter((_, index) => environments[index]?.split('\0').includes(mark))
      .map(Number)
      .filter(notSelf);
  }
  const { stdout } = await promisify(execFile)('ps', ['-A', '-E', '-ww', '-o', 'pid=,command='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = stdout.split('\n').filter((line) => ` ${line} `.includes(` ${mark} `));
  return lines.map((line) => Number.parseInt(line, 10)).filter(notSelf);
}

const notSelf = (pid: number): boolean => pid !== process.pid;

/** The end of what a process said, on one line. */
export function lastWords(text: string | undefined): string {
  const lines = (text ?? '').split('\n').map((line) => line.trim());
  const words = lines.filter(Boolean).slice(-4).join(' · ');
  return words.length > 500 ? `…${words.slice(-500)}` : words || 'it said nothing';
}

function keepTail(child: ChildProcess): () => string {
  let kept = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-TAIL_CHARACTERS);
  });
  child.once('error', (error) => {
    kept += `\n${error.message}`;
  });
  return () => kept;
}

function readUrl(line: string | undefined): string | undefined {
  try {
    const said = JSON.parse(line ?? '') as { url?: unknown };
    return typeof said.url === 'string' && URL.canParse(said.url) ? said.url : undefined;
  } catch {
    return undefined;
  }
}

async function endOfProcess(child: ChildProcess, withinMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const limit = new AbortController();
  await Promise.race([once(child, 'exit'), sleep(withinMs, undefined, { signal: limit.signal, ref: false })]);
  limit.abort();
}

function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}
