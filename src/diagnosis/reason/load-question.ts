import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { formatRate, QUANTITY, quantities, quantity, telemetrySource } from './evidence.ts';
import { periodsOf } from './windows.ts';

/**
 * Half as much load again is what a machine sized with the usual headroom (two thirds in use) can no longer take. Users
 * who wait for their answers ask less when these come late, so the load that is wanted is larger than what is seen.
 */
const MORE_TRAFFIC = 1.5;
/** The load is why the machine is too small, so it stands before it. */
const JUST_BEFORE = 1e-6;
/** A machine near its limit works less well, so its use may grow by this much more than the load does. */
const BEYOND_LOAD = 2;

/** Did the load grow, and is there a machine that can't take it? */
export function askTraffic(file: CaseFile, found: readonly Candidate[]): Findings {
  const { before, after, gathered, symptom } = file;
  if (before === null) return { candidates: [], ruledOut: [], gaps: [] };
  const ratio = before.rate > 0 ? after.rate / before.rate : 1;
  const target = { service: symptom.service, operation: symptom.operation };
  const evidence = file.book.add({
    kind: 'traffic',
    subject: target,
    summary: `${symptom.operation} got ${formatRate(after.rate)}, ${formatRate(before.rate)} before.`,
    ...periodsOf(gathered.windows),
    numbers: quantities(
      quantity(QUANTITY.rateAfter, after.rate, 'per-second'),
      quantity(QUANTITY.rateBefore, before.rate, 'per-second'),
      quantity(QUANTITY.meanAfter, after.mean, 'ms'),
      quantity(QUANTITY.meanBefore, before.mean, 'ms'),
    ),
    n: after.requests,
    source: telemetrySource(gathered, gathered.entries.query),
  });
  // More load is a cause where something can't take it; the machine that can't is named beside it.
  const starved = found.find(({ kind }) => kind === 'cpu');
  if (ratio >= MORE_TRAFFIC && starved !== undefined && followsLoad(file, starved, ratio)) {
    const cause: Candidate = {
      ...starved,
      kind: 'traffic',
      target: { service: starved.target.service },
      share: starved.share,
      weight: starved.weight + JUST_BEFORE,
      evidence: [evidence, ...starved.evidence],
      inStack: false,
    };
    return { candidates: [cause], ruledOut: [], gaps: [] };
  }
  const reason =
    ratio >= MORE_TRAFFIC
      ? `Load grew ${Number(ratio.toPrecision(2))}-fold, but no machine on the way is short of CPU for it.`
      : `Load did not grow: ${formatRate(after.rate)}, ${formatRate(before.rate)} before.`;
  return { candidates: [], ruledOut: [{ kind: 'traffic', target, reason, evidence: [evidence] }], gaps: [] };
}

/** Whether the processor is busier for the load's sake: a fault that burns CPU raises it far beyond what came in. */
function followsLoad(file: CaseFile, starved: Candidate, ratio: number): boolean {
  const cpu = file.machines.get(starved.target.service)?.cpu;
  if (!cpu || cpu.after === null || cpu.before === null || cpu.before <= 0) return false;
  return cpu.after / cpu.before <= BEYOND_LOAD * ratio;
}
