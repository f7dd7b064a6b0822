import type { EvidenceId, RuledOut } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, Machine } from './case-file.ts';
import type { ProcessPart } from './classify.ts';
import {
  formatMs,
  formatPercent,
  formatShare,
  QUANTITY,
  quantities,
  quantity,
  telemetrySource,
} from './evidence.ts';
import { machineTarget } from './machines.ts';
import { CPU_SATURATED, hasHeadroom, isSaturated } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';
import { periodsOf } from './windows.ts';

/**
 * Where nothing grew saturation alone must speak, and full CPU can also be a machine that is well used: above even
 * odds, well below what growth and saturation say together.
 */
const CONFIDENCE_WITHOUT_GROWTH = 0.6;

/**
 * Every machine on the way of the request that is not accused is ruled out with its reading. Where nothing grew, one at
 * its limit that requests spend their time in is a cause all the same: it was too small all along.
 */
export function askProcessors(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused = new Set(
    found.filter(({ kind }) => kind === 'cpu' || kind === 'traffic').map(({ target }) => target.service),
  );
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  for (const machine of file.machines.values()) {
    if (machine.cpu === null || machine.cpu.after === null || machine.cpuEvidence === null) continue;
    if (accused.has(machine.service)) continue;
    const absolute = file.isSlow ? null : fullAllAlong(file, machine);
    if (absolute !== null) candidates.push(absolute);
    else ruledOut.push(ruleOut(file, machine, machine.cpu.after, machine.cpuEvidence));
  }
  return { candidates, ruledOut, gaps: [] };
}

function fullAllAlong(file: CaseFile, machine: Machine): Candidate | null {
  const { cpu } = machine;
  const process = file.parts.processes.find((part) => part.service === machine.service);
  if (cpu === null || process === undefined || !isSaturated(cpu)) return null;
  const part = file.after.mean > 0 ? process.after / file.after.mean : 0;
  if (part < LEAST_SHARE) return null;
  const target = machineTarget(machine, 'cpu');
  const thin = weightOfCount(file.after.requests) * (cpu.points < 3 ? 0.85 : 1);
  return {
    kind: 'cpu',
    target,
    share: null,
    weight: CONFIDENCE_WITHOUT_GROWTH,
    confidence: confident(CONFIDENCE_WITHOUT_GROWTH * thin),
    evidence: [
      machine.cpuEvidence,
      machine.reservationEvidence,
      describeOwnTime(file, process),
      file.latencyEvidence,
    ].filter((id) => id !== null),
    inStack: target.resource !== undefined,
  };
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
  return { kind: 'cpu', target: machineTarget(machine, 'cpu'), reason, evidence: [evidence] };
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
    ...periodsOf(windows),
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
