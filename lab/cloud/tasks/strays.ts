import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStamp } from './process-usage.ts';

const FILE = 'processes.json';

/** What is on disk: start stamps by process id. */
interface Recorded {
  /** The cloud itself. */
  owner: Record<string, string>;
  /** Leaders of process groups: the supervisor and the tasks. */
  groups: Record<string, string>;
}

/** The processes that a cloud has running, kept on disk for the case that cloud and supervisor are killed together. */
export class ProcessFile {
  readonly #path: string;
  readonly #owner: Record<string, string>;
  readonly #groups = new Map<number, string>();

  private constructor(path: string, owner: Record<string, string>) {
    this.#path = path;
    this.#owner = owner;
  }

  /** Claims the directory for this process and ends what an earlier one left there; throws when another cloud is at work in it. */
  static async claim(dir: string, log: (line: string) => void): Promise<ProcessFile> {
    const path = join(dir, FILE);
    for (const [pid, stamp] of Object.entries(readRecorded(path).owner)) {
      if (await isSame(Number(pid), stamp)) {
        throw new Error(
          `another emulated cloud (process ${pid}) works in ${dir}; stop it or take another directory`,
        );
      }
    }
    const strays = await endStrayProcesses(dir);
    if (strays.length > 0) log(`ended ${strays.length} processes that an earlier cloud left behind`);
    const file = new ProcessFile(path, { [process.pid]: (await processStamp(process.pid)) ?? '' });
    file.#write();
    return file;
  }

  async add(pid: number): Promise<void> {
    this.#groups.set(pid, '');
    const stamp = await processStamp(pid);
    if (!this.#groups.has(pid)) return; // It ended while its stamp was being read.
    if (stamp === undefined) this.#groups.delete(pid);
    else this.#groups.set(pid, stamp);
    this.#write();
  }

  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#write();
  }

  /** Gives the directory up. */
  release(): void {
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    const recorded: Recorded = { owner: this.#owner, groups: Object.fromEntries(this.#groups) };
    writeFileSync(this.#path, JSON.stringify(recorded));
  }
}

/**
 * Ends what a killed cloud with this directory left behind, process groups and all, and says which. For whoever owns the
 * directory: it ends a cloud that is still at work there as well.
 */
export async function endStrayProcesses(dir: string): Promise<number[]> {
  const path = join(dir, FILE);
  const { owner, groups } = readRecorded(path);
  const ended: number[] = [];
  for (const [pid, stamp] of [...Object.entries(owner), ...Object.entries(groups)]) {
    if (Number(pid) === process.pid || !(await isSame(Number(pid), stamp))) continue;
    try {
      process.kill(Object.hasOwn(owner, pid) ? Number(pid) : -Number(pid), 'SIGKILL');
      ended.push(Number(pid));
    } catch {
      // Gone between the look and the signal.
    }
  }
  rmSync(path, { force: true });
  return ended;
}

/** Process ids are used again: it is the same process only if it began at the moment on record. */
async function isSame(pid: number, stamp: string): Promise<boolean> {
  return stamp !== '' && (await processStamp(pid)) === stamp;
}

function readRecorded(path: string): Recorded {
  try {
    return { owner: {}, groups: {}, ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<Recorded>) };
  } catch {
    return { owner: {}, groups: {} }; // No cloud ran here, or it was killed in mid-write: nothing there could be trusted.
  }
}
