import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStamp } from './process-usage.ts';

const FILE = 'processes.json';

/** The processes that a cloud has running, kept on disk for the case that cloud and supervisor are killed together. */
export class ProcessFile {
  readonly #path: string;
  readonly #stamps = new Map<number, string>();

  constructor(dir: string) {
    this.#path = join(dir, FILE);
  }

  async add(pid: number): Promise<void> {
    this.#stamps.set(pid, '');
    const stamp = await processStamp(pid);
    if (!this.#stamps.has(pid)) return; // It ended while its stamp was being read.
    if (stamp === undefined) this.#stamps.delete(pid);
    else this.#stamps.set(pid, stamp);
    this.#write();
  }

  remove(pid: number): void {
    if (this.#stamps.delete(pid)) this.#write();
  }

  #write(): void {
    writeFileSync(this.#path, JSON.stringify(Object.fromEntries(this.#stamps)));
  }
}

/**
 * Ends the process groups that a killed cloud with this directory left behind, and says which.
 * A process counts as the cloud's only if it began at the moment on record: ids are used again.
 */
export async function endStrayProcesses(dir: string): Promise<number[]> {
  const path = join(dir, FILE);
  const ended: number[] = [];
  for (const [pid, stamp] of Object.entries(readStamps(path))) {
    if ((await processStamp(Number(pid))) !== stamp) continue;
    try {
      process.kill(-Number(pid), 'SIGKILL');
      ended.push(Number(pid));
    } catch {
      // Gone between the look and the signal.
    }
  }
  rmSync(path, { force: true });
  return ended;
}

function readStamps(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch {
    return {}; // No cloud ran here, or it was killed in mid-write: then there is nothing that could be trusted.
  }
}
