/** Plain order of code units, the same on every machine: for sorting what must not depend on how it came. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
