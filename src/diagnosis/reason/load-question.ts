import type { RuledOut } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { formatRate, formatShare, QUANTITY, quantities, quantity, telemetrySource } from './evidence.ts';
import type { CallNode } from './localise.ts';
import { isSaturated } from './saturation.ts';
import { confident, weightOfCount } from './thresholds.ts';

/** Load that doubled is no daily wandering. */
const MORE_TRAFFIC = 2;
/** One request in twenty, as when a symptom is chosen. */
const MATERIAL_ERROR_SHARE = 0.05;

/** Did the load grow, and is there a machine that can't take it? */
export function askTraffic(file: CaseFile): Findings {
  const { before, after, gathered, symptom } = file;
  if (before === null) return { candidates: [], ruledOut: [], gaps: [] };
  const ratio = before.rate > 0 ? after.rate / before.rate : 1;
  const target = { service: symptom.service, operation: symptom.operation };
  const evidence = file.book.add({
    kind: 'traffic',
    subject: target,
    summary: `${symptom.operation} got ${formatRate(after.rate)}, ${formatRate(before.rate)} before.`,
    window: gathered.windows.incident,
    ...(gathered.windows.baseline === null ? {} : { baseline: gathered.windows.baseline }),
    numbers: quantities(
      quantity(QUANTITY.rateAfter, after.rate, 'per-second'),
      quantity(QUANTITY.rateBefore, before.rate, 'per-second'),
      quantity(QUANTITY.meanAfter, after.mean, 'ms'),
      quantity(QUANTITY.meanBefore, before.mean, 'ms'),
    ),
    n: after.requests,
    source: telemetrySource(gathered, gathered.entries.query),
  });
  const full = [...file.machines.values()].find((machine) => isSaturated(machine.cpu));
  if (ratio >= MORE_TRAFFIC && full !== undefined) {
    const cause: Candidate = {
      kind: 'traffic',
      target,
      share: null,
      confidence: confident(0.55 * weightOfCount(after.requests)),
      evidence: [evidence, full.cpuEvidence].filter((id) => id !== null),
      inStack: false,
    };
    return { candidates: [cause], ruledOut: [], gaps: [] };
  }
  const reason =
    ratio >= MORE_TRAFFIC
      ? `Load grew ${Number(ratio.toPrecision(2))}-fold, but no machine on the way is saturated.`
      : `Load did not grow: ${formatRate(after.rate)}, ${formatRate(before.rate)} before.`;
  return { candidates: [], ruledOut: [{ kind: 'traffic', target, reason, evidence: [evidence] }], gaps: [] };
}

/** Did more requests fail, and where does failing start? */
export function askErrors(file: CaseFile): Findings {
  const { before, after, gathered, symptom } = file;
  const shareAfter = after.requests > 0 ? after.errors / after.requests : 0;
  const shareBefore = before !== null && before.requests > 0 ? before.errors / before.requests : null;
  const target = { service: symptom.service, operation: symptom.operation };
  const earlier = shareBefore === null ? '' : `, ${formatShare(shareBefore)} before`;
  const evidence = file.book.add({
    kind: 'errors',
    subject: target,
    summary: `${formatShare(shareAfter)} of ${symptom.operation} failed${earlier}.`,
    window: gathered.windows.incident,
    ...(gathered.windows.baseline === null ? {} : { baseline: gathered.windows.baseline }),
    numbers: quantities(
      quantity('failed now', shareAfter, 'share'),
      quantity('failed before', shareBefore, 'share'),
      quantity('errors now', after.errors, 'count'),
    ),
    n: after.requests,
    source: telemetrySource(gathered, gathered.entries.query),
  });
  const rise = shareAfter - (shareBefore ?? 0);
  if (rise < MATERIAL_ERROR_SHARE) {
    const reason = `Errors did not rise: ${formatShare(shareAfter)}${earlier}.`;
    const ruledOut: RuledOut[] = [{ kind: 'errors', target, reason, evidence: [evidence] }];
    return { candidates: [], ruledOut, gaps: [] };
  }
  const origin = deepestFailing(file);
  const cause: Candidate = {
    kind: 'errors',
    target:
      origin === null
        ? target
        : {
            service: origin.service,
            operation: origin.operation,
            ...(origin.peer === null ? {} : { dependency: origin.peer }),
          },
    share: null,
    confidence: confident((shareBefore === null ? 0.55 : 0.7) * weightOfCount(after.requests)),
    evidence: [evidence],
    inStack: false,
  };
  return { candidates: [cause], ruledOut: [], gaps: [] };
}

/** Errors travel upward, so the deepest operation whose errors rose by at least half as much as the symptom's is where they start. */
function deepestFailing(file: CaseFile): CallNode | null {
  const rise = (node: CallNode): number => {
    const requests = file.tree.requests;
    const after = (node.after?.errors ?? 0) / Math.max(1, requests.incident);
    const before = (node.before?.errors ?? 0) / Math.max(1, requests.baseline);
    return after - before;
  };
  const root = file.tree.nodes[0];
  if (root === undefined) return null;
  return file.tree.nodes
    .filter((node) => rise(node) >= rise(root) / 2 && rise(node) > 0)
    .reduce<CallNode | null>(
      (deepest, node) => (deepest === null || node.depth > deepest.depth ? node : deepest),
      null,
    );
}
