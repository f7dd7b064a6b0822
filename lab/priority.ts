import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * How a process stands against the rest of the machine, as a nice value. On Linux with `sched_autogroup` the value of
 * the session counts and not that of the process, so both are set. Raising it (below 0) needs a privilege; without it
 * the process simply stays where it is.
 */
export function prioritise(pid: number | undefined, nice: number): void {
  if (pid === undefined) return;
  for (const set of [
    () => setPriority(pid, nice),
    () => writeFileSync(`/proc/${pid}/autogroup`, String(nice)),
  ]) {
    try {
      set();
    } catch {
      // Not allowed, or no such thing here.
    }
  }
}

/** A task on Fargate shares its reservation with nobody, so where the machine allows it the lab goes first. */
export const LAB_NICE = -10;

/** What only looks on must not take the processor from what is being measured. */
export const ONLOOKER_NICE = 10;
