import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { isPressed } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';

/**
 * Did calls between two services grow on the outside: the caller's span, but not the callee's? Then it is the way
 * between them, or the callee's queue before its span begins; where a machine is saturated, that explains it better.
 */
export function askNetwork(file: CaseFile): Findings {
  const { calls, windows } = file.gathered;
  if (file.growth === null || calls === null) return { candidates: [], ruledOut: [], gaps: [] };
  const candidates: Candidate[] = [];
  for (const call of file.parts.calls) {
    const share = shareOf(call.growth ?? 0, file.growth);
    if (share === null || share < LEAST_SHARE || call.before === null) continue;
    const ends = [call.service, call.callee].map((service) => file.machines.get(service)?.cpu ?? null);
    if (ends.some(isPressed)) continue;
    const target = {
      service: call.callee,
      ...(call.nodes[0] === undefined ? {} : { operation: call.nodes[0].operation }),
    };
    const evidence = file.book.add({
      kind: 'breakdown',
      subject: target,
      summary: `Between ${call.service} and ${call.callee} each request spends ${formatMs(call.after)}, ${formatMs(call.before)} before; neither side's own work is in it.`,
      window: windows.incident,
      ...(windows.baseline === null ? {} : { baseline: windows.baseline }),
      numbers: quantities(
        quantity('between now', call.after, 'ms'),
        quantity('between before', call.before, 'ms'),
      ),
      n: call.nodes.reduce((sum, node) => sum + (node.after?.count ?? 0), 0),
      source: telemetrySource(file.gathered, calls.query),
    });
    const known = ends.every((end) => end !== null);
    candidates.push({
      kind: 'network',
      target,
      share,
      confidence: confident((known ? 0.55 + 0.2 * share : 0.45) * weightOfCount(file.after.requests)),
      evidence: [evidence, file.latencyEvidence],
      inStack: false,
    });
  }
  return { candidates, ruledOut: [], gaps: [] };
}
