import { fstatSync } from 'node:fs';

/**
 * Calls back once when the parent that holds this process's stdin has died. A stdin that is no pipe (a terminal, the
 * null device) says nothing about a parent and is left alone.
 */
export function onParentGone(callback: () => void): void {
  const stdin = fstatSync(0, { throwIfNoEntry: false });
  if (stdin === undefined || !(stdin.isFIFO() || stdin.isSocket())) return;
  let gone = false;
  const tellOnce = (): void => {
    if (!gone) callback();
    gone = true;
  };
  process.stdin.once('end', tellOnce).once('close', tellOnce).once('error', tellOnce);
  process.stdin.resume();
}
