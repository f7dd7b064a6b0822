import { isValidSize, type TaskSize } from '../infrastructure/fargate.ts';
import type { Workload } from '../infrastructure/model.ts';
import { type SizingStep, sizeForCpu, sizeForMemory, TARGET_UTILISATION } from '../infrastructure/sizing.ts';
import { type Cause, type CauseKind, type Diagnosis, SIZING_KINDS } from './diagnosis.ts';
import { formatMs, QUANTITY } from './reason/evidence.ts';

/** Which size a diagnosis argues for, and what it should do. Input for a proposal. */
export interface SizingAdvice {
  readonly workload: Workload;
  readonly kind: CauseKind;
  readonly urn: string;
  readonly to: TaskSize;
  /** Milliseconds; null where no figure can be argued for. */
  readonly p95Before: number | null;
  readonly p95After: number | null;
  readonly reasoning: readonly string[];
}

/**
 * The size that would help, or null: unless the verdict is `cause`, the leading cause is one that size can help or the
 * traffic that fills what is there, the resource is known, and Fargate has a larger size.
 */
export function sizingFor(diagnosis: Diagnosis): SizingAdvice | null {
  const cause = causeToSize(diagnosis);
  if (diagnosis.verdict !== 'cause' || cause === null) return null;
  const urn = cause.target.resource;
  const workload = diagnosis.workloads.find(
    (one) => one.service === cause.target.service && one.taskDefinitionUrn === urn,
  );
  const utilisation = numberOf(diagnosis, cause, 'utilisation', QUANTITY.utilisationAfter);
  if (urn === undefined || workload === undefined || utilisation === null) return null;
  // Only Fargate's sizes are known here, and a size that is none of them belongs to something else.
  if (workload.launchType === 'EC2' || workload.launchType === 'EXTERNAL' || !isValidSize(workload))
    return null;
  const step =
    cause.kind === 'memory' ? sizeForMemory(workload, utilisation) : sizeForCpu(workload, utilisation);
  if (step === null) return null;
  const expected = expectP95(diagnosis, cause, workload, step, utilisation);
  return {
    workload,
    kind: cause.kind,
    urn,
    to: step.size,
    p95Before: diagnosis.symptom?.p95After ?? null,
    p95After: expected.p95,
    reasoning: [...step.reasoning, ...expected.reasoning],
  };
}

/** More load is no fault that size mends, but the processor or memory of the same service that it fills is. */
function causeToSize({ causes }: Diagnosis): Cause | null {
  const [first, ...others] = causes;
  if (first === undefined) return null;
  if (SIZING_KINDS.has(first.kind)) return first;
  if (first.kind !== 'traffic') return null;
  const filled = others.find(
    ({ kind, target }) => SIZING_KINDS.has(kind) && target.service === first.target.service,
  );
  return filled ?? null;
}

interface Expectation {
  readonly p95: number | null;
  readonly reasoning: readonly string[];
}

const NO_FIGURE: Expectation = {
  p95: null,
  reasoning: ['How far latency falls can’t be argued from these numbers; the verification will measure it.'],
};

/**
 * What a request costs in CPU is use over requests, also at saturation, where use is all there is. With the new size
 * it runs at most at one core's speed and waits as a queue at the new utilisation does; the time outside of the
 * process's own work falls back to what it was. P95 is taken to shrink as the mean does.
 */
function expectP95(
  diagnosis: Diagnosis,
  cause: Cause,
  workload: Workload,
  step: SizingStep,
  utilisation: number,
): Expectation {
  if (cause.kind === 'memory') return NO_FIGURE;
  const p95 = diagnosis.symptom?.p95After ?? null;
  const meanAfter = numberOf(diagnosis, cause, 'latency', QUANTITY.meanAfter);
  const meanBefore = numberOf(diagnosis, cause, 'latency', QUANTITY.meanBefore);
  const ownAfter = numberOf(diagnosis, cause, 'breakdown', QUANTITY.ownAfter);
  const ownBefore = numberOf(diagnosis, cause, 'breakdown', QUANTITY.ownBefore);
  const rate = diagnosis.evidence
    .find((one) => one.kind === 'traffic')
    ?.numbers.find((one) => one.name === QUANTITY.rateAfter)?.value;
  if (
    p95 === null ||
    meanAfter === null ||
    meanBefore === null ||
    ownAfter === null ||
    ownBefore === null ||
    !rate
  ) {
    return NO_FIGURE;
  }
  const coresUsed = ((workload.cpuUnits / 1024) * workload.desiredCount * utilisation) / 100;
  const cpuPerRequest = (coresUsed / rate) * 1000;
  const busy = (step.expectedUtilisation ?? TARGET_UTILISATION) / 100;
  const speed = Math.min(1, step.size.cpuUnits / 1024);
  const own = Math.max(ownBefore, cpuPerRequest / speed / (1 - busy));
  const mean = Math.min(meanAfter, Math.max(0, meanBefore - ownBefore) + own);
  if (!(mean > 0) || mean >= meanAfter) return NO_FIGURE;
  const expected = p95 * (mean / meanAfter);
  return {
    p95: expected,
    reasoning: [
      `A request costs about ${formatMs(cpuPerRequest)} of CPU; before, all of its own work took ${formatMs(ownBefore)}, now ${formatMs(ownAfter)}.`,
      `At ${Math.round(busy * 100)} % of ${step.size.cpuUnits} units this work should take about ${formatMs(own)} with waiting, and calls return to what they were: a mean of ${formatMs(mean)} instead of ${formatMs(meanAfter)}.`,
      `P95 is expected to fall as the mean does, from ${formatMs(p95)} to about ${formatMs(expected)}.`,
    ],
  };
}

/** A number from the cause's own evidence. */
function numberOf(
  diagnosis: Diagnosis,
  cause: Cause,
  kind: 'utilisation' | 'latency' | 'breakdown',
  name: string,
): number | null {
  for (const id of cause.evidence) {
    const evidence = diagnosis.evidence.find((one) => one.id === id);
    const found = evidence?.kind === kind ? evidence.numbers.find((one) => one.name === name) : undefined;
    if (found !== undefined) return found.value;
  }
  return null;
}
