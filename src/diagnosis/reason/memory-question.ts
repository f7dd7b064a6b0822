import type { RuledOut } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { formatPercent } from './evidence.ts';
import { describeOwnTime } from './processor-question.ts';
import { isSaturated, MEMORY_LIMIT } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';

/** Is a process near its memory limit, where collecting garbage takes the time that requests lack? */
export function askMemory(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  for (const machine of file.machines.values()) {
    const { memory, memoryEvidence, service } = machine;
    if (memory === null || memory.after === null || memoryEvidence === null) continue;
    const urn = machine.workload?.taskDefinitionUrn;
    const target = { service, ...(urn === undefined ? {} : { resource: urn, property: 'memory' }) };
    const process = file.parts.processes.find((part) => part.service === service);
    const share = shareOf(process?.growth ?? 0, file.growth);
    if (isSaturated(memory) && process !== undefined && (share ?? 0) >= LEAST_SHARE) {
      const own = describeOwnTime(file, process);
      candidates.push({
        kind: 'memory',
        target,
        share,
        // A full memory is common and often harmless (caches), so it needs more beside it than full CPU does.
        confidence: confident((isSaturated(machine.cpu) ? 0.45 : 0.6) * weightOfCount(file.after.requests)),
        evidence: [memoryEvidence, machine.reservationEvidence, own].filter((id) => id !== null),
        inStack: urn !== undefined,
      });
    } else {
      ruledOut.push({
        kind: 'memory',
        target,
        reason: isSaturated(memory)
          ? `${service} used ${formatPercent(memory.after)} of its memory, but its own time did not grow with the slowdown.`
          : `${service} used ${formatPercent(memory.after)} of its memory, below ${MEMORY_LIMIT} %.`,
        evidence: [memoryEvidence],
      });
    }
  }
  return { candidates, ruledOut, gaps: [] };
}
