import type { CaseFile } from './case-file.ts';
import type { CallPart } from './classify.ts';
import { groupBy } from './grouping.ts';
import { blame } from './places/blame.ts';
import type { CallAggregate } from './places/calls.ts';
import type { CpuUse } from './places/cpu-use.ts';
import { joinOperations, type OperationGraph } from './places/operations.ts';
import { type Place, placesOf } from './places/places.ts';

/** A slow way between two services, and whose it is. */
export interface SlowWay {
  readonly call: CallPart;
  /** The service that is blamed for it; the callee where nothing tells. */
  readonly end: string;
  /** Part of the gain that even the fastest tenth of the calls has, 0…1; null where too few calls were seen. */
  readonly everyCall: number | null;
}

/**
 * Lays each of these ways at the door of one of its ends: the one that is blamed for more lost time on all the ways of
 * the case together. A caller slow towards everything gathers a part of each, a callee all of its own.
 */
export function assignWays(file: CaseFile, calls: readonly CallPart[]): readonly SlowWay[] {
  if (calls.length === 0) return [];
  const graph = graphOf(file);
  const places = placesOf(graph);
  const blamed = new Map(
    blame(graph, places, cpuUses(file)).map(({ service, onTheWay }) => [service, onTheWay]),
  );
  const byWay = groupBy(places, (place) => pairOf(place.operation.service, place.callee ?? ''));
  return calls.map((call) => ({
    call,
    end: (blamed.get(call.service) ?? 0) > (blamed.get(call.callee) ?? 0) ? call.service : call.callee,
    everyCall: everyCallOf(byWay.get(pairOf(call.service, call.callee)) ?? []),
  }));
}

/** Weighted by the time that was lost at each. */
function everyCallOf(ways: readonly Place[]): number | null {
  const lost = ways.reduce((sum, place) => sum + place.lost, 0);
  return lost > 0 ? ways.reduce((sum, place) => sum + (place.everyCall ?? 0) * place.lost, 0) / lost : null;
}

function graphOf(file: CaseFile): OperationGraph {
  const rows = (file.gathered.calls?.rows ?? []).map(
    (row): CallAggregate => ({
      window: row.window,
      service: row.service,
      operation: row.operation,
      parentService: row.parentService,
      parentOperation: row.parentOperation,
      count: row.count,
      totalMs: row.totalMs,
      p10: row.p10,
      p50: row.p50,
      p95: row.p95,
      // Not every store computes over parents, and answers of all of them are reasoned over alike.
      parent: null,
    }),
  );
  return joinOperations([...rows, ...silentCallees(file, rows)]);
}

/**
 * What sends no spans of its own takes all of its call, and stands as a callee that took no time: so a caller that is
 * slow towards everything is told from one slow way, also where most of what it calls is outside of the telemetry.
 */
function silentCallees(file: CaseFile, rows: readonly CallAggregate[]): readonly CallAggregate[] {
  const parents = new Set(file.tree.nodes.map((node) => node.parentKey));
  const callees = new Map<string, string>();
  for (const { node, dependency } of file.classified) {
    if (dependency !== null && !parents.has(node.key))
      callees.set(pairOf(node.service, node.operation), dependency.key);
  }
  return rows.flatMap((row) => {
    const service = callees.get(pairOf(row.service, row.operation));
    if (service === undefined) return [];
    const { window, count } = row;
    const none = { totalMs: 0, p10: 0, p50: 0, p95: 0, parent: null };
    const above = { parentService: row.service, parentOperation: row.operation };
    return [{ window, service, operation: 'answer', ...above, count, ...none }];
  });
}

/** The windows begin where the slowdown does, so their medians stand for what was lasting. */
function cpuUses(file: CaseFile): ReadonlyMap<string, CpuUse> {
  const uses = new Map<string, CpuUse>();
  for (const { service, cpu } of file.machines.values()) {
    if (cpu !== null && cpu.before !== null && cpu.after !== null)
      uses.set(service, { now: cpu.after, before: cpu.before });
  }
  return uses;
}

function pairOf(from: string, to: string): string {
  return JSON.stringify([from, to]);
}
