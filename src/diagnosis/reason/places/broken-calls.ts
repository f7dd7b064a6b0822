import { robustSpread } from '../statistics.ts';
import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';

/** An operation that no longer does all it did: some of its calls are made far less often. */
export interface Broken {
  readonly operation: Operation;
  readonly missing: readonly Operation[];
  /** Calls that were not made. */
  readonly calls: number;
}

const LEAST_NOW = 3;
const LEAST_BEFORE = 10;
/** Chance goes this far once in 30,000 looks; a diagnosis takes some hundred. */
const STEPS = 4;
/** A call made less than seven times in ten of what it was. */
const FEWER = 0.7;
/** A child that is called this much more often: requests of another kind came, nothing broke. */
const MORE = 1.3;
/** Numbers of calls vary by a twentieth with the mix of requests even where the windows at hand don't show it. */
const USUAL = 0.05;

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
  const now = operation.windows.get(INCIDENT)?.count ?? 0;
  const countIn = (window: string): number => operation.windows.get(window)?.count ?? 0;
  const before = baselines.reduce((sum, window) => sum + countIn(window), 0);
  if (now < LEAST_NOW || before < LEAST_BEFORE) return null;
  const missing: Operation[] = [];
  let calls = 0;
  for (const [child, counts] of operation.children) {
    const made = baselines.reduce((sum, window) => sum + (counts.get(window) ?? 0), 0);
    const usual = made / before;
    const rate = (counts.get(INCIDENT) ?? 0) / now;
    const windows = baselines.filter((window) => countIn(window) >= LEAST_BEFORE);
    const spread = robustSpread(windows.map((window) => (counts.get(window) ?? 0) / countIn(window)));
    // Once a call or never: binomial, with half a count on each side. Often: Poisson.
    const share = (made + 0.5) / (before + 1);
    const variance = usual <= 1 ? (share * Math.max(0, 1 - share)) / now : usual / now;
    const steps = (rate - usual) / Math.hypot(Math.sqrt(variance), spread, USUAL * usual);
    if (usual > 0 && rate > MORE * usual && steps > STEPS) return null;
    if (usual > 0 && rate < FEWER * usual && steps < -STEPS) {
      missing.push(child);
      calls += (usual - rate) * now;
    }
  }
  return missing.length === 0 ? null : { operation, missing, calls };
}

/** Services to look at for what broke, likeliest first, with the calls that it explains. */
export function blameBreaks(broken: readonly Broken[]): readonly { service: string; calls: number }[] {
  const calls = new Map<string, number>();
  const add = (service: string, count: number): void => {
    calls.set(service, (calls.get(service) ?? 0) + count);
  };
  const givers = new Set(broken.map(({ operation }) => operation.service));
  const shared = givers.size < 2 ? null : sharedCallee(broken);
  for (const { operation, calls: count } of broken) {
    add(operation.service, count);
    // Callers that give up at the same time have in common what they had called.
    if (shared !== null) add(shared, 2 * count);
  }
  return [...calls]
    .map(([service, count]) => ({ service, calls: count }))
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
