import type { Gap } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, Machine } from './case-file.ts';
import type { ProcessPart } from './classify.ts';
import { cpuTarget, describeOwnTime } from './processor-question.ts';
import { hasHeadroom, isPressed } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';

/** Parts that all grew by this factor of the whole's growth, or less apart, grew together. */
const TOGETHER = 1.3;
/** Parts below this share of a request's time say nothing about growing together. */
const LEAST_PART = 0.05;
/** What is left when the machine could not be read: right place, unknown reason. */
const CONFIDENCE_WITHOUT_MACHINE = 0.4;

/** Did a process's own work grow although its machine had CPU to spare (a lock, a longer loop, a slower algorithm)? */
export function askApplication(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const gaps: Gap[] = [];
  if (file.growth === null) return { candidates, ruledOut: [], gaps };
  for (const process of file.parts.processes) {
    const share = shareOf(process.growth ?? 0, file.growth);
    if (share === null || share < LEAST_SHARE) continue;
    const machine = file.machines.get(process.service);
    if (machine !== undefined && isPressed(machine.cpu)) continue;
    if (machine !== undefined && hasHeadroom(machine.cpu) && grewTogether(file)) {
      gaps.push({
        what: `${process.service} and what it calls`,
        why: 'All of it became slower by about the same factor while its CPU reservation was not used up, as when the host itself is short of time.',
        nextStep: 'Compare with another task of the service, and look again when the host is quiet.',
      });
      continue;
    }
    candidates.push(weigh(file, process, machine, share));
  }
  return { candidates, ruledOut: [], gaps };
}

function weigh(file: CaseFile, process: ProcessPart, machine: Machine | undefined, share: number): Candidate {
  const [top] = [...process.nodes].sort((a, b) => growthOf(b) - growthOf(a));
  const known = machine !== undefined && machine.cpu !== null;
  const thin = weightOfCount(Math.min(file.after.requests, file.before?.requests ?? 0));
  const confidence = (known ? 0.5 + 0.3 * share : CONFIDENCE_WITHOUT_MACHINE) * thin;
  const evidence = [
    describeOwnTime(file, process),
    machine?.cpuEvidence ?? null,
    file.latencyEvidence,
  ].filter((id) => id !== null);
  // Many operations of one process slowing in step is what a lack of CPU looks like from the traces alone.
  if (!known && slowedInStep(process) && machine !== undefined) {
    return {
      kind: 'cpu',
      target: cpuTarget(machine),
      share,
      confidence: confident(confidence),
      evidence,
      inStack: false,
    };
  }
  return {
    kind: 'application',
    target: { service: process.service, ...(top === undefined ? {} : { operation: top.operation }) },
    share,
    confidence: confident(confidence),
    evidence,
    inStack: false,
  };
}

function growthOf(node: ProcessPart['nodes'][number]): number {
  return (node.after?.exclusive ?? 0) - (node.before?.exclusive ?? 0);
}

function slowedInStep(process: ProcessPart): boolean {
  const slower = process.nodes.filter(
    (node) =>
      node.before !== null && node.after !== null && node.after.exclusive > 1.5 * node.before.exclusive,
  );
  return slower.length >= 3;
}

/** True when own work and at least one dependency slowed by about one factor: not one part, but the time itself. */
function grewTogether(file: CaseFile): boolean {
  const whole = (file.before?.mean ?? 0) > 0 ? file.after.mean / (file.before?.mean ?? 1) : null;
  const parts = [...file.parts.processes, ...file.parts.dependencies, ...file.parts.calls].filter(
    (part) => part.before !== null && part.before >= LEAST_PART * (file.before?.mean ?? 0) && part.before > 0,
  );
  if (whole === null || parts.length < 2 || file.parts.dependencies.length === 0) return false;
  return parts.every((part) => {
    const ratio = part.after / (part.before ?? 1) / whole;
    return ratio <= TOGETHER && ratio >= 1 / TOGETHER;
  });
}
