/** A delay on the way meets every call; two thirds leave room for what the fastest tenth had to spare. */
const ALIKE = 2 / 3;

/** What slows a way whose ends are not out of CPU as far as is known. `everyCall`: part of the gain that all calls have, 0…1. */
export function kindOfWay(everyCall: number, cpuRead: boolean): 'network' | 'cpu' {
  return cpuRead || everyCall >= ALIKE ? 'network' : 'cpu';
}
