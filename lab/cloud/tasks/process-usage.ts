import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** A figure for each process; one that has ended is left out. */
export type PerProcess = ReadonlyMap<number, number>;

export interface UsageReader {
  /** How often CPU time can be asked for without costing more than it measures. */
  readonly tickMs: number;
  /** CPU milliseconds of all threads since each process began. */
  cpuMs(pids: readonly number[]): PerProcess | Promise<PerProcess>;
  /** Bytes of memory that each process holds now. */
  residentBytes(pids: readonly number[]): PerProcess | Promise<PerProcess>;
}

/** Linux reports CPU time in hundredths of a second on every architecture (USER_HZ), whatever the kernel's own tick. */
const MS_PER_CLOCK_TICK = 10;

/**
 * The reader for this platform: /proc on Linux, `ps` on macOS; both resolve 10 ms of CPU time.
 * Throws where neither is there, because a task that is not held to its quota would measure nothing.
 */
export function usageReader(platform: NodeJS.Platform = process.platform): UsageReader {
  if (platform === 'linux') {
    return {
      tickMs: 5,
      cpuMs: (pids) => collect(pids, procCpuMs),
      residentBytes: (pids) => collect(pids, procResidentBytes),
    };
  }
  if (platform === 'darwin') {
    return {
      tickMs: 25,
      cpuMs: (pids) => readPs(pids, 'cputime'),
      residentBytes: (pids) => readPs(pids, 'rss'),
    };
  }
  throw new Error(
    `the emulated cloud cannot hold tasks to a CPU quota on ${platform}: it needs Linux or macOS`,
  );
}

function collect(pids: readonly number[], read: (pid: number) => number | undefined): PerProcess {
  const figures = new Map<number, number>();
  for (const pid of pids) {
    const figure = read(pid);
    if (figure !== undefined) figures.set(pid, figure);
  }
  return figures;
}

function procCpuMs(pid: number): number | undefined {
  const fields = procStat(pid);
  if (fields === undefined) return undefined;
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_CLOCK_TICK;
}

/** From `status`, which is in kB, and not from `statm`, which counts pages of a size that differs by machine. */
function procResidentBytes(pid: number): number | undefined {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readProcFile(pid, 'status') ?? '');
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** The fields of /proc/PID/stat from the third on: the second, the name, may hold blanks and brackets itself. */
function procStat(pid: number): string[] | undefined {
  const stat = readProcFile(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined once the process is gone. */
function readProcFile(pid: number, name: 'stat' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}

const run = promisify(execFile);

async function readPs(pids: readonly number[], column: 'cputime' | 'rss'): Promise<PerProcess> {
  if (pids.length === 0) return new Map();
  // ps exits 1 when one of several processes is gone, and still prints the others.
  const output = await run('ps', ['-o', `pid=,${column}=`, '-p', pids.join(',')]).then(
    (done) => done.stdout,
    (failed: { stdout?: string }) => failed.stdout ?? '',
  );
  return parsePs(output, column === 'cputime' ? cpuTimeMs : (kilobytes) => Number(kilobytes) * 1024);
}

/** Rows of `ps -o pid=,X=`, with X read by `parse`. */
export function parsePs(output: string, parse: (value: string) => number): PerProcess {
  const figures = new Map<number, number>();
  for (const line of output.split('\n')) {
    const match = /^\s*(\d+)\s+(\S+)\s*$/.exec(line);
    if (match?.[2] !== undefined) figures.set(Number(match[1]), parse(match[2]));
  }
  return figures;
}

/** `ps`'s cputime, [[dd-]hh:]mm:ss[.cc], in milliseconds. */
export function cpuTimeMs(text: string): number {
  const [time = '', days = '0'] = text.split('-').reverse();
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return Math.round((Number(days) * 86_400 + seconds) * 1000);
}

/**
 * When a process began, in a form that only serves to tell it from a later process with the same id.
 * Undefined when there is no such process.
 */
export async function processStamp(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const fields = procStat(pid);
    return fields?.[0] === 'Z' ? undefined : fields?.[19]; // A zombie has ended, and only waits for its parent to notice.
  }
  return run('ps', ['-o', 'lstart=', '-p', String(pid)]).then(
    (done) => done.stdout.trim() || undefined,
    () => undefined,
  );
}
