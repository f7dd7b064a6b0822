import { spawnSync } from 'node:child_process';

/** A process as it can be told from a later one with the same number. */
export interface WindowProcess {
  readonly pid: number;
  /** Epoch milliseconds, to the second; null where the system does not say. */
  readonly startedAt: number | null;
}

/** Linux works the start out from ticks since the boot: two looks may differ by a second. */
const START_TOLERANCE_MS = 2_000;

/** The process of this window. */
export function thisProcess(): WindowProcess {
  return { pid: process.pid, startedAt: startOf(process.pid) };
}

/** Whether that very process still runs. Where the system tells no start, its number has to do. */
export function isRunning({ pid, startedAt }: WindowProcess): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // EPERM: it runs, as another user's; all else means that there is none.
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM')) return false;
  }
  const now = startOf(pid);
  return startedAt === null || now === null || Math.abs(now - startedAt) <= START_TOLERANCE_MS;
}

function startOf(pid: number): number | null {
  if (process.platform === 'win32') return null;
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    timeout: 5_000,
  });
  const time = status === 0 ? Date.parse(`${stdout.trim()} UTC`) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
