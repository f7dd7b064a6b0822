import { callRates, FEWER, MORE, STEPS_BEYOND_CHANCE } from './call-rates.ts';
import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';

/** An operation that no longer does all it did: some of its calls are made far less often. */
export interface Broken {
  readonly operation: Operation;
  readonly missing: readonly Operation[];
  /** Calls that were not made. */
  readonly calls: number;
}

/** Errors without a status: what a request never got to do tells where it was given up. */
export function findBroken(graph: OperationGraph): readonly Broken[] {
  const broken = graph.operations
    .map((operation) => breakOf(operation, graph.baselines))
    .filter((one) => one !== null);
  const has = new Set(broken.map((one) => one.operation));
  // A caller gives up because what it called gave up: only the innermost is a place to look at.
  return broken.filter(({ operation }) => ![...operation.children.keys()].some((child) => has.has(child)));
}

function breakOf(operation: Operation, baselines: readonly string[]): Broken | null {
  const rates = callRates(operation, baselines);
  // A child that is called more often: requests of another kind came, nothing broke.
  if (
    rates.some(({ before, now, steps }) => before > 0 && now > MORE * before && steps > STEPS_BEYOND_CHANCE)
  )
    return null;
  const missing = rates.filter(
    ({ before, now, steps }) => before > 0 && now < FEWER * before && steps < -STEPS_BEYOND_CHANCE,
  );
  if (missing.length === 0) return null;
  const made = operation.windows.get(INCIDENT)?.count ?? 0;
  return {
    operation,
    missing: missing.map(({ child }) => child),
    calls: missing.reduce((sum, { before, now }) => sum + (before - now) * made, 0),
  };
}

/** A service to look at for what broke. */
export interface Breaker {
  readonly service: string;
  /** Calls that were not made and that it explains. */
  readonly calls: number;
  /** It sends no spans at all any more. */
  readonly isGone: boolean;
  readonly broken: readonly Broken[];
}

/** Likeliest first. */
export function blameBreaks(graph: OperationGraph, broken: readonly Broken[]): readonly Breaker[] {
  const alive = new Set(
    graph.operations.filter((one) => one.windows.has(INCIDENT)).map((operation) => operation.service),
  );
  const calls = new Map<string, number>();
  const add = (service: string, count: number): void => {
    calls.set(service, (calls.get(service) ?? 0) + count);
  };
  const givers = new Set(broken.map(({ operation }) => operation.service));
  const shared = givers.size < 2 ? null : sharedCallee(broken);
  const behind = new Map<string, Broken[]>();
  for (const one of broken) {
    const { operation, missing, calls: count } = one;
    const [child] = missing;
    // Whoever calls a service that fell silent can't be told from one that stopped calling by one call alone; that it
    // sends nothing to anybody else either decides.
    const culprit =
      child !== undefined &&
      missing.every((call) => call.service === child.service) &&
      !alive.has(child.service)
        ? child.service
        : operation.service;
    add(culprit, count);
    const known = behind.get(culprit) ?? [];
    known.push(one);
    behind.set(culprit, known);
    // Callers that give up at the same time have in common what they had called.
    if (shared !== null) add(shared, 2 * count);
  }
  return [...calls]
    .map(([service, count]) => ({
      service,
      calls: count,
      isGone: !alive.has(service),
      broken: behind.get(service) ?? broken,
    }))
    .sort((a, b) => b.calls - a.calls || (a.service < b.service ? -1 : 1));
}

/** The one service that operations of several services call, and still did, before they gave up. */
function sharedCallee(broken: readonly Broken[]): string | null {
  const callers = new Map<string, Set<string>>();
  for (const { operation } of broken) {
    for (const [child, counts] of operation.children) {
      if ((counts.get(INCIDENT) ?? 0) === 0) continue;
      const callees = child.service === operation.service ? child.ways.keys() : [child.service];
      for (const callee of callees)
        callers.set(callee, (callers.get(callee) ?? new Set()).add(operation.service));
    }
  }
  const most = Math.max(0, ...[...callers.values()].map((services) => services.size));
  const found = [...callers].filter(([, services]) => services.size === most && most > 1);
  const [only] = found;
  return found.length === 1 && only !== undefined ? only[0] : null;
}
