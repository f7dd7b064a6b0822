import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processStamp } from './cloud/tasks/process-usage.ts';
import { endStrayProcesses } from './cloud/tasks/strays.ts';
import { endMarkedProcesses } from './processes.ts';

const OWNER_FILE = 'run.json';
/** A folder without an owner's file belongs to a run that is just being made, if it is younger than this. */
const YOUNG_MS = 60_000;

/** Makes the folder of a new run, with the process on record that it belongs to. */
export async function createRun(labDir: string): Promise<string> {
  const id = `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}-${randomBytes(3).toString('hex')}`;
  const dir = join(labDir, id);
  for (const name of ['workspace', 'state', 'pulumi-home', 'cloud', 'telemetry']) {
    await mkdir(join(dir, name), { recursive: true });
  }
  const owner = { pid: process.pid, stamp: await processStamp(process.pid), created: Date.now() };
  await writeFile(join(dir, OWNER_FILE), JSON.stringify(owner));
  return dir;
}

/** Ends whatever still runs for a run and removes its folder. */
export async function removeRun(dir: string): Promise<number> {
  const marked = await endMarkedProcesses(dir);
  const tasks = await endStrayProcesses(join(dir, 'cloud'));
  // A process that has just been killed may still be writing its last file.
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  // The folder of all runs goes with the last of them.
  await rmdir(join(dir, '..')).catch(() => undefined);
  return marked + tasks.length;
}

/** Removes what killed runs have left and tells about each; runs whose process lives are left alone. */
export async function sweepRuns(labDir: string, log: (line: string) => void): Promise<void> {
  const ids = await readdir(labDir).catch(() => []);
  for (const id of ids) {
    const dir = join(labDir, id);
    if (await isAlive(dir, id)) continue;
    const ended = await removeRun(dir);
    log(`Removed what run ${id} had left${ended > 0 ? `, and ended ${ended} of its processes` : ''}.`);
  }
}

/** The owner lives if its process id is taken by a process that began at the same moment: ids are used again. */
async function isAlive(dir: string, id: string): Promise<boolean> {
  let owner: { pid: number; stamp?: string };
  try {
    owner = JSON.parse(await readFile(join(dir, OWNER_FILE), 'utf8'));
  } catch {
    return Date.now() - createdAt(id) < YOUNG_MS;
  }
  return owner.stamp !== undefined && (await processStamp(owner.pid)) === owner.stamp;
}

function createdAt(id: string): number {
  const [, date, time] = /^(\d{8})T(\d{6})-/.exec(id) ?? [];
  if (date === undefined || time === undefined) return 0;
  const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`;
  return Date.parse(iso);
}
