import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';

/** An operation that fails more often than it did, by the status of its spans. */
export interface Failing {
  readonly operation: Operation;
  /** Share of its calls, 0…1; before is 0 where it was never seen. */
  readonly before: number;
  readonly now: number;
  /** Calls of the incident that failed beyond what is usual. */
  readonly calls: number;
}

/** One call in twenty failing is an incident. */
const MATERIAL = 0.05;
/** Beyond chance, by the standard error of a share. */
const STEPS = 3;
const LEAST_CALLS = 10;

/** Where failing starts: errors travel upward, so only operations none of whose children fail as much are named. Most failed calls first. */
export function findFailing(graph: OperationGraph): readonly Failing[] {
  const failing = new Map<Operation, Failing>();
  for (const operation of graph.operations) {
    const found = failingOf(operation, graph.baselines);
    if (found !== null) failing.set(operation, found);
  }
  return [...failing.values()]
    .filter(
      ({ operation, calls }) =>
        // A child explains its caller's failing when it fails at least half as often.
        ![...operation.children.keys()].some((child) => (failing.get(child)?.calls ?? 0) >= calls / 2),
    )
    .sort(
      (a, b) =>
        b.calls - a.calls ||
        (JSON.stringify([a.operation.service, a.operation.operation]) <
        JSON.stringify([b.operation.service, b.operation.operation])
          ? -1
          : 1),
    );
}

function failingOf(operation: Operation, baselines: readonly string[]): Failing | null {
  const now = operation.windows.get(INCIDENT);
  if (now === undefined || now.count < LEAST_CALLS || now.errors === 0) return null;
  const windows = baselines.map((window) => operation.windows.get(window)).filter((one) => one !== undefined);
  const calls = windows.reduce((sum, one) => sum + one.count, 0);
  const errors = windows.reduce((sum, one) => sum + one.errors, 0);
  const before = calls > 0 ? errors / calls : 0;
  const share = now.errors / now.count;
  const usual = (errors + 0.5) / (calls + 1);
  const chance = Math.sqrt((usual * (1 - usual)) / now.count);
  if (share - before < MATERIAL || share - before < STEPS * chance) return null;
  return { operation, before, now: share, calls: (share - before) * now.count };
}
