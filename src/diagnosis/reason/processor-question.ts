import type { EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, Machine } from './case-file.ts';
import type { ProcessPart } from './classify.ts';
import { ownWorkGrew, waitingShare } from './contention.ts';
import {
  formatMs,
  formatPercent,
  formatShare,
  QUANTITY,
  quantities,
  quantity,
  telemetrySource,
} from './evidence.ts';
import { CPU_SATURATED, hasHeadroom, isPressed, isSaturated, saturationDegree } from './saturation.ts';
import { clamp } from './statistics.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';

/**
 * Without a baseline nothing grew, and saturation alone must speak; full CPU can also be a machine that is well
 * used. Above even odds, well below what growth and saturation say together.
 */
const CONFIDENCE_WITHOUT_BASELINE = 0.6;

/** Is a process held back by its CPU reservation? Asked of every service on the way of the request. */
export function askProcessors(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  for (const machine of file.machines.values()) {
    const process = file.parts.processes.find((part) => part.service === machine.service);
    if (machine.cpu === null || machine.cpu.after === null || machine.cpuEvidence === null) continue;
    const found = process === undefined ? null : weigh(file, machine, process);
    if (found !== null) candidates.push(found);
    else ruledOut.push(ruleOut(file, machine, machine.cpu.after, machine.cpuEvidence));
  }
  return { candidates, ruledOut, gaps: [] };
}

function weigh(file: CaseFile, machine: Machine, process: ProcessPart): Candidate | null {
  const { cpu } = machine;
  if (cpu === null || !isPressed(cpu)) return null;
  const target = cpuTarget(machine);
  const evidence = [
    machine.cpuEvidence,
    machine.reservationEvidence,
    describeOwnTime(file, process),
    file.latencyEvidence,
  ].filter((id) => id !== null);
  const thin = weightOfCount(file.after.requests) * (cpu.points < 3 ? 0.85 : 1);

  if (file.growth === null) {
    const part = file.after.mean > 0 ? process.after / file.after.mean : 0;
    if (!isSaturated(cpu) || part < LEAST_SHARE) return null;
    return {
      kind: 'cpu',
      target,
      share: null,
      confidence: confident(CONFIDENCE_WITHOUT_BASELINE * thin),
      evidence,
      inStack: target.resource !== undefined,
    };
  }

  const waits = file.parts.dependencies
    .filter((dependency) => dependency.name.service === machine.service)
    .reduce((sum, one) => sum + waitingShare(file, machine, one) * Math.max(0, one.growth ?? 0), 0);
  const gaps = callsHeldBack(file, machine);
  const share = shareOf((process.growth ?? 0) + waits + gaps, file.growth);
  if (share === null || share < LEAST_SHARE || !ownWorkGrew(file, process)) return null;
  const rose = cpu.before === null ? 0 : clamp(((cpu.after ?? 0) - cpu.before) / 20, 0, 1);
  // Half for growth in the right place, a quarter for the limit reached, the rest for how much it explains and
  // for utilisation having risen together with latency.
  const confidence =
    (0.5 + 0.25 * saturationDegree(cpu) + 0.15 * clamp(share / 0.6, 0, 1) + 0.1 * rose) *
    (isSaturated(cpu) ? 1 : 0.75) *
    thin;
  return {
    kind: 'cpu',
    target,
    share,
    confidence: confident(confidence),
    evidence,
    inStack: target.resource !== undefined,
  };
}

/** A call's outside (network or queue) grows when either end has no CPU to take part in it. */
function callsHeldBack(file: CaseFile, machine: Machine): number {
  if (!isPressed(machine.cpu)) return 0;
  return file.parts.calls
    .filter((call) => {
      if (call.callee === machine.service) return true;
      const callee = file.machines.get(call.callee);
      return call.service === machine.service && !isPressed(callee?.cpu ?? null);
    })
    .reduce((sum, call) => sum + Math.max(0, call.growth ?? 0), 0);
}

function ruleOut(file: CaseFile, machine: Machine, after: number, evidence: EvidenceId): RuledOut {
  const used = `${machine.service} used ${formatPercent(after)} of its CPU reservation`;
  const process = file.parts.processes.find((part) => part.service === machine.service);
  const own = shareOf(process?.growth ?? 0, file.growth);
  const reason = hasHeadroom(machine.cpu)
    ? `${used}: it had CPU to spare.`
    : own === null
      ? `${used}, below ${CPU_SATURATED} % or with little of the request's time spent in it: busy, not held back.`
      : `${used}, but its own time explains only ${formatShare(own)} of the slowdown.`;
  return { kind: 'cpu', target: cpuTarget(machine), reason, evidence: [evidence] };
}

export function cpuTarget(machine: Machine): Target {
  const urn = machine.workload?.taskDefinitionUrn;
  return { service: machine.service, ...(urn === undefined ? {} : { resource: urn, property: 'cpu' }) };
}

/** The process's own time per request, with the operations that took most of it. */
export function describeOwnTime(file: CaseFile, process: ProcessPart): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const top = [...process.nodes]
    .sort((a, b) => (b.after?.exclusive ?? 0) - (a.after?.exclusive ?? 0))
    .slice(0, 5);
  const before = process.before === null ? '' : `, ${formatMs(process.before)} before`;
  return file.book.add({
    kind: 'breakdown',
    subject: { service: process.service },
    summary: `${process.service} itself takes ${formatMs(process.after)} of each request${before}.`,
    window: windows.incident,
    ...(windows.baseline === null ? {} : { baseline: windows.baseline }),
    numbers: quantities(
      quantity(QUANTITY.ownAfter, process.after, 'ms'),
      quantity(QUANTITY.ownBefore, process.before, 'ms'),
      ...top.flatMap((node) => [
        quantity(`${node.operation} now`, node.after?.exclusive, 'ms'),
        quantity(`${node.operation} before`, node.before?.exclusive, 'ms'),
      ]),
    ),
    n: process.nodes.reduce((sum, node) => sum + (node.after?.count ?? 0), 0),
    source: telemetrySource(file.gathered, calls.query),
  });
}
