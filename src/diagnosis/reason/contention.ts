import type { CaseFile, Machine } from './case-file.ts';
import type { DependencyPart, ProcessPart } from './classify.ts';
import { LEAST_SHARE, shareOf } from './thresholds.ts';

/**
 * A process that gets no CPU can't take its answers in: the client span of a peer that answered long ago stays open
 * until the process comes round to it. So in a saturated process part of a dependency's growth is the process's own.
 *
 * How long one call can wait is bounded. By Little's law a task has rate × mean time requests in flight; each of the
 * others does at most its own work before ours goes on. Where the same process calls other dependencies, these wait
 * in the same queue, and a call that grew far more than all of them did so for a reason of its own.
 */
export function waitingShare(file: CaseFile, machine: Machine, dependency: DependencyPart): number {
  const growth = dependency.growth ?? 0;
  if (growth <= 0) return 0;
  const { parts, after } = file;
  const own = parts.processes.find((part) => part.service === machine.service);
  if (!ownWorkGrew(file, own)) return 0;
  const tasks = Math.max(1, machine.workload?.desiredCount ?? 1);
  const inFlight = Math.max(1, (after.rate * (after.mean / 1000)) / tasks);
  const bound = inFlight * (own?.after ?? 0) * Math.max(1, dependency.callsAfter);
  const others = parts.dependencies.filter(
    (other) => other.name.service === machine.service && other.name.key !== dependency.name.key,
  );
  const peerWaits = others.map((other) => (other.growth ?? 0) / Math.max(1, other.callsAfter));
  const asOthers =
    peerWaits.length === 0
      ? Number.POSITIVE_INFINITY
      : PEER_FACTOR * Math.max(0, ...peerWaits) * Math.max(1, dependency.callsAfter);
  return Math.min(growth, bound, asOthers) / growth;
}

/** Calls differ in how often they come back to the loop (a streamed answer does so often), so twice a peer's wait is believed. */
const PEER_FACTOR = 2;

/** Waits count only beside own work that grew as well: a process whose own steps are as fast as ever is not starved. */
export function ownWorkGrew(file: CaseFile, process: ProcessPart | undefined): boolean {
  return (shareOf(process?.growth ?? 0, file.growth) ?? 0) >= LEAST_SHARE / 2;
}
