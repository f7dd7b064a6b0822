import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface GroupRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds between the one SIGINT and SIGKILL. */
  readonly graceMs: number;
  /** Bytes of stdout that are kept; a longer answer sets `truncated`. */
  readonly stdoutCap: number;
  readonly onLine?: (line: string) => void;
  /** Files that take the output instead of pipes: a child that outlives this process is then not killed by SIGPIPE. */
  readonly outputFiles?: { readonly stdout: string; readonly stderr: string };
  readonly onStart?: (pid: number) => void;
}

export interface GroupResult {
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  /** The end of it, at most 256 KiB. */
  readonly stderr: string;
  readonly truncated: boolean;
  readonly cancelled: boolean;
}

const STDERR_CAP = 256 * 1024;

/**
 * Runs a command in a process group of its own, without a shell. Rejects only where it can't be started
 * (the error of `spawn`, such as ENOENT). An aborted signal, also one aborted before, interrupts the group once,
 * as Ctrl-C in a terminal does, and ends everything that is left after the grace period.
 */
export function runInGroup(run: GroupRun): Promise<GroupResult> {
  return new Promise((resolve, reject) => {
    if (run.signal?.aborted) {
      resolve({ exitCode: null, killedBy: null, stdout: '', stderr: '', truncated: false, cancelled: true });
      return;
    }
    const files = run.outputFiles
      ? [openSync(run.outputFiles.stdout, 'w', 0o600), openSync(run.outputFiles.stderr, 'w', 0o600)]
      : [];
    const child = spawn(run.command, [...run.args], {
      cwd: run.cwd,
      env: { ...run.env },
      stdio: ['ignore', files[0] ?? 'pipe', files[1] ?? 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    for (const file of files) closeSync(file);

    const out = new Capture(run.stdoutCap, run.onLine);
    const err = new TailCapture(STDERR_CAP);
    child.stdout?.on('data', (chunk: Buffer) => out.take(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.take(chunk));

    let cancelled = false;
    let killer: NodeJS.Timeout | undefined;
    const cancel = () => {
      cancelled = true;
      const pid = child.pid;
      if (pid === undefined) return;
      interrupt(pid);
      killer = setTimeout(() => void killTree(pid), run.graceMs);
    };
    run.signal?.addEventListener('abort', cancel, { once: true });
    const done = () => {
      run.signal?.removeEventListener('abort', cancel);
      clearTimeout(killer);
    };

    child.once('error', (error) => {
      done();
      reject(error);
    });
    child.once('spawn', () => {
      if (child.pid !== undefined) run.onStart?.(child.pid);
    });
    child.once('close', (exitCode, killedBy) => {
      done();
      out.end();
      const { outputFiles } = run;
      resolve({
        exitCode,
        killedBy,
        stdout: outputFiles ? tailOf(outputFiles.stdout) : out.text(),
        stderr: outputFiles ? tailOf(outputFiles.stderr) : err.text(),
        truncated: out.truncated,
        cancelled,
      });
    });
  });
}

function tailOf(file: string): string {
  return readFileSync(file).subarray(-STDERR_CAP).toString('utf8');
}

function interrupt(pid: number): void {
  if (process.platform === 'win32') {
    // Windows has no SIGINT for another process: the tree is ended after the grace period.
    return;
  }
  signalGroup(pid, 'SIGINT');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group has ended by itself, which is what was wanted.
  }
}

/** Ends a process and all its descendants. Pulumi puts each plugin in a group of its own, so the groups are looked up. */
export async function killTree(pid: number): Promise<void> {
  if (process.platform === 'win32') {
    await new Promise<void>((resolve) =>
      execFile('taskkill', ['/T', '/F', '/PID', String(pid)], () => resolve()),
    );
    return;
  }
  const family = [pid, ...(await descendants(pid))];
  for (const member of family) {
    signalGroup(member, 'SIGKILL');
    try {
      process.kill(member, 'SIGKILL');
    } catch {
      // ESRCH, as above.
    }
  }
}

function descendants(pid: number): Promise<number[]> {
  return new Promise((resolve) => {
    execFile('ps', ['-A', '-o', 'pid=,ppid='], (error, stdout) => {
      if (error) {
        resolve([]);
        return;
      }
      const children = new Map<number, number[]>();
      for (const line of stdout.split('\n')) {
        const [child, parent] = line.trim().split(/\s+/).map(Number);
        if (child === undefined || parent === undefined) continue;
        children.set(parent, [...(children.get(parent) ?? []), child]);
      }
      const found: number[] = [];
      const open = [pid];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        for (const child of children.get(next) ?? []) {
          found.push(child);
          open.push(child);
        }
      }
      resolve(found);
    });
  });
}

class Capture {
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new TextDecoder();
  #size = 0;
  #partial = '';
  truncated = false;
  readonly #cap: number;
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(cap: number, onLine?: (line: string) => void) {
    this.#cap = cap;
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    if (this.#size + chunk.length <= this.#cap) {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
    } else this.truncated = true;
    if (!this.#onLine) return;
    this.#partial += this.#decoder.decode(chunk, { stream: true });
    const lines = this.#partial.split('\n');
    this.#partial = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) this.#onLine(line.slice(0, 4096));
  }

  end(): void {
    if (this.#partial !== '') this.#onLine?.(this.#partial);
    this.#partial = '';
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

class TailCapture {
  #kept = Buffer.alloc(0);
  readonly #cap: number;

  constructor(cap: number) {
    this.#cap = cap;
  }

  take(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-this.#cap);
  }

  text(): string {
    return this.#kept.toString('utf8');
  }
}
