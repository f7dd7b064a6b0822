import { setTimeout as sleep } from 'node:timers/promises';
import type { Levers } from './levers.ts';
import type { ScenarioPlan } from './scenarios.ts';

export interface PhaseTimes {
  readonly baselineSeconds: number;
  /** From the moment that the fault is there; a plan may ask for more. */
  readonly incidentSeconds: number;
}

/** A fault may be corrected for so long; from then on it stays as it is. */
const SETTLE_SECONDS = 20;

/** Called about twice a second with what is going on and the share of the whole that is over, 0…1. */
export type OnProgress = (text: string, fraction: number) => void;

/** Runs the baseline, causes the scenario's fault and lets it last; the lab stays in that state afterwards. */
export async function runPhases(
  plan: ScenarioPlan,
  times: PhaseTimes,
  levers: Levers,
  log: (line: string) => void,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const incidentSeconds = Math.max(times.incidentSeconds, plan.incidentSeconds ?? 0);
  const total = times.baselineSeconds + incidentSeconds;
  log(`Baseline of ${times.baselineSeconds} s: short conversations, a model server that answers in time.`);
  await pass(times.baselineSeconds, (s) => onProgress(`baseline, ${rate(levers)}`, s / total), signal);

  log(`Caused: ${plan.caused}.`);
  await plan.cause(levers);
  await pass(
    incidentSeconds,
    (s) => {
      if (s < SETTLE_SECONDS) levers.settle();
      onProgress(`after the change, ${rate(levers)}`, (times.baselineSeconds + s) / total);
    },
    signal,
  );
  onProgress('enough telemetry', 1);
}

function rate(levers: Levers): string {
  const last = levers.reports().at(-1);
  if (last === undefined || last.p95 === null) return 'waiting for first answers';
  const perSecond = (last.count / last.seconds).toFixed(1);
  return `${perSecond} requests/s, P95 ${Math.round(last.p95)} ms${last.errors > 0 ? `, ${last.errors} errors` : ''}`;
}

async function pass(seconds: number, tell: (elapsed: number) => void, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - started) / 1000) {
    tell(elapsed);
    await sleep(Math.min(500, (seconds - elapsed) * 1000), undefined, { signal });
  }
}
