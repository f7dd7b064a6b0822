import type { EvidenceId, Gap, RuledOut } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, Machine } from './case-file.ts';
import { UNSURE } from './consistency.ts';
import { formatPercent, metricsSource, quantities, quantity } from './evidence.ts';
import { machineTarget } from './machines.ts';
import { type MemoryLoss, memoryLossOf } from './memory-loss.ts';
import { isSaturated, MEMORY_LIMIT, ranFull } from './saturation.ts';
import { confident, SUSPECT, weightOfCount } from './thresholds.ts';

/** Before the failing calls of a process that has no memory left to make them. */
const BEFORE_ERRORS = 1.01;
/** Memory fills up, requests fail, the process is lost: signs that go together, none of which proves the others' cause. */
const CONFIDENCE_FAILING = 0.75;

/**
 * Every memory on the way that is not accused (with the suspects) is ruled out with its reading; but not where a process
 * was lost with a full memory. Its last spans are lost with it, so that latency may show nothing of it.
 */
export function askMemory(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused = new Set(found.filter(({ kind }) => kind === 'memory').map(({ target }) => target.service));
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  const gaps: Gap[] = [];
  for (const machine of file.machines.values()) {
    if (accused.has(machine.service)) continue;
    const loss = memoryLossOf(file.gathered, machine.service);
    if (loss !== null) {
      gaps.push(lossGap(machine.service, loss));
      // A task that is killed fails its requests; who is slow was found without it.
      if (found.every(({ kind }) => kind === 'errors')) candidates.push(suspect(file, machine, loss, found));
      continue;
    }
    const cleared = clear(machine);
    if (cleared !== null) ruledOut.push(cleared);
  }
  return { candidates, ruledOut, gaps };
}

function clear(machine: Machine): RuledOut | null {
  const { service, memory, memoryEvidence } = machine;
  if (memory === null || memory.after === null || memoryEvidence === null) return null;
  const used = `${service} used ${formatPercent(memory.after)} of its memory`;
  return {
    kind: 'memory',
    target: machineTarget(machine, 'memory'),
    reason: isSaturated(memory)
      ? `${used}, but its own time did not grow with the slowdown, or the memory was as full before.`
      : `${used}, below ${MEMORY_LIMIT} %.`,
    evidence: [memoryEvidence],
  };
}

/** That a process ended is measured; that requests suffered is not, unless they fail while memory has filled up. */
function suspect(
  file: CaseFile,
  machine: Machine,
  loss: MemoryLoss,
  failing: readonly Candidate[],
): Candidate {
  const target = machineTarget(machine, 'memory');
  const evidence = [
    machine.memoryEvidence,
    describeLoss(file, machine.service, loss),
    machine.reservationEvidence,
    file.latencyEvidence,
  ];
  const isFailing =
    failing.some((one) => one.target.service === machine.service) &&
    ranFullIn(machine) &&
    loss.between.end > file.gathered.windows.incident.start;
  return {
    kind: 'memory',
    target,
    share: null,
    confidence: isFailing ? confident(CONFIDENCE_FAILING * weightOfCount(file.after.requests)) : UNSURE,
    weight: isFailing ? BEFORE_ERRORS : SUSPECT,
    evidence: evidence.filter((id) => id !== null),
    inStack: target.resource !== undefined,
  };
}

/** In the incident, and not already before. */
function ranFullIn({ memory }: Machine): boolean {
  return memory !== null && isSaturated(memory) && ranFull(memory);
}

function describeLoss(file: CaseFile, service: string, loss: MemoryLoss): EvidenceId {
  return file.book.add({
    kind: 'utilisation',
    subject: { service },
    summary: `Memory of ${service} fell from ${formatPercent(loss.full)} of the reservation to ${formatPercent(loss.fresh)} at once.`,
    window: loss.between,
    numbers: quantities(
      quantity('utilisation when full', loss.full, 'percent'),
      quantity('utilisation right after', loss.fresh, 'percent'),
    ),
    n: 2,
    source: metricsSource(file.gathered, loss.series),
  });
}

function lossGap(service: string, { full, fresh, between }: MemoryLoss): Gap {
  return {
    what: `What ${service} did around ${new Date(between.start).toISOString()}`,
    why: `Its memory fell from ${formatPercent(full)} of the reservation to ${formatPercent(fresh)} at once, and no update that is known here explains it: very likely a full task ended and a fresh one took its place. Spans that it had not sent yet are lost.`,
    nextStep: 'Look at why its last task stopped (OutOfMemory, exit code 137), and at its last log lines.',
  };
}
