import type { RuledOut } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { formatPercent } from './evidence.ts';
import { isSaturated, MEMORY_LIMIT } from './saturation.ts';

/** Every memory on the way that is not accused (with the suspects) is ruled out with its reading. */
export function askMemory(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused = new Set(found.filter(({ kind }) => kind === 'memory').map(({ target }) => target.service));
  const ruledOut: RuledOut[] = [];
  for (const { memory, memoryEvidence, service, workload } of file.machines.values()) {
    if (memory === null || memory.after === null || memoryEvidence === null || accused.has(service)) continue;
    const urn = workload?.taskDefinitionUrn;
    const used = `${service} used ${formatPercent(memory.after)} of its memory`;
    ruledOut.push({
      kind: 'memory',
      target: { service, ...(urn === undefined ? {} : { resource: urn, property: 'memory' }) },
      reason: isSaturated(memory)
        ? `${used}, but its own time did not grow with the slowdown, or the memory was as full before.`
        : `${used}, below ${MEMORY_LIMIT} %.`,
      evidence: [memoryEvidence],
    });
  }
  return { candidates: [], ruledOut, gaps: [] };
}
