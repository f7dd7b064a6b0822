import { clamp, median } from '../statistics.ts';
import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';

/** A caller that gained this part of what its children gained waited for all of them: mixes of requests blur the rest. */
const ALL_OF_IT = 0.5;
/** A round over the graph passes one level down; calls are rarely deeper. */
const ROUNDS = 16;

/**
 * How much of an operation's time requests wait for, 0…1, as far as sums can tell without the times at which spans
 * began: children that run side by side cost their parent only as long as the longest of them takes, and one that
 * outlives its parent costs it nothing. Then the children gain more than their parent does, and only what it gained
 * counts, dealt out by what each gained.
 */
export function partsWaitedFor(graph: OperationGraph): ReadonlyMap<Operation, number> {
  const passed = new Map(graph.operations.map((operation) => [operation, passedUp(graph, operation)]));
  const waited = new Map<Operation, number>(graph.operations.map((operation) => [operation, 1]));
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    for (const operation of graph.operations) {
      if (operation.isEntry || operation.parents.size === 0) continue;
      // Whoever waits for it most decides: time that one caller does not wait for is still lost to another.
      const most = Math.max(
        ...[...operation.parents].map((parent) => (waited.get(parent) ?? 1) * (passed.get(parent) ?? 1)),
      );
      if (Math.abs(most - (waited.get(operation) ?? 1)) > 1e-9) {
        waited.set(operation, most);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return waited;
}

/** What an operation gained as a part of what its children gained together, by call. 1 where they gained nothing. */
function passedUp(graph: OperationGraph, operation: Operation): number {
  const now = operation.windows.get(INCIDENT);
  const before = graph.baselines
    .map((window) => operation.windows.get(window))
    .filter((one) => one !== undefined);
  if (now === undefined || before.length === 0 || now.childrenMs === 0) return 1;
  const own = now.totalMs / now.count - median(before.map((one) => one.totalMs / one.count));
  const children = now.childrenMs / now.count - median(before.map((one) => one.childrenMs / one.count));
  // Less than a tenth of the parent's time: chance moves it as much.
  if (children <= 0.1 * (now.totalMs / now.count)) return 1;
  return clamp(own / children / ALL_OF_IT, 0, 1);
}
