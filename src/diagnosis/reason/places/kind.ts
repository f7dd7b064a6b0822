import type { CauseKind } from '../../diagnosis.ts';
import type { Suspect } from './blame.ts';

/** Own work below this part of what a service is blamed for is the echo of a slow way, not work. */
const ECHO = 0.1;
const CPU_SPEAKS = 0.3;
/** A delay on the way meets every call; two thirds leave room for what the fastest tenth had to spare. */
const ALIKE = 2 / 3;

/** What is the matter with a suspect. `cpuRead`: its processor's use is known. */
export function kindOf(suspect: Suspect, cpuRead: boolean): CauseKind {
  if (suspect.cpu > CPU_SPEAKS) return 'cpu';
  if (suspect.ownWork > ECHO * (suspect.ownWork + suspect.onTheWay)) {
    // Slow work on a processor with time to spare is the program's own doing; unread, a lack of CPU is likelier.
    return cpuRead ? 'application' : 'cpu';
  }
  return kindOfWay(suspect.everyCall, cpuRead);
}

/** What slows a way whose ends are not out of CPU as far as is known. `everyCall`: part of the gain that all calls have, 0…1. */
export function kindOfWay(everyCall: number, cpuRead: boolean): 'network' | 'cpu' {
  return cpuRead || everyCall >= ALIKE ? 'network' : 'cpu';
}
