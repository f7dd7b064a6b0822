import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../src/problem.ts';
import { incidentHistory } from './calibration.ts';
import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';
import type { ScenarioPlan } from './scenarios.ts';

/** The parts of a running lab that a scenario works on. */
export interface Levers {
  /** Interval reports of the load so far. */
  reports(): readonly LoadReport[];
  setLoad(change: Partial<LoadShape>): void;
  setModelMedian(medianMs: number): Promise<void>;
}

export interface PhaseTimes {
  readonly baselineSeconds: number;
  readonly incidentSeconds: number;
}

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
  const total = times.baselineSeconds + times.incidentSeconds;
  log(`Baseline of ${times.baselineSeconds} s: short conversations, a model server that answers in time.`);
  await pass(times.baselineSeconds, (s) => onProgress(`baseline, ${rate(levers)}`, s / total), signal);

  if (plan.longConversations) {
    const history = longHistory(levers.reports());
    levers.setLoad({ history });
    log(`Caused: ${plan.caused} (${history} turns each).`);
  } else {
    await levers.setModelMedian(plan.modelMedianMs);
    log(`Caused: ${plan.caused}.`);
  }
  await pass(
    times.incidentSeconds,
    (s) => onProgress(`after the change, ${rate(levers)}`, (times.baselineSeconds + s) / total),
    signal,
  );
  onProgress('enough telemetry', 1);
}

/** Turns that make long conversations as costly as wanted, by what the short ones have really cost. */
function longHistory(reports: readonly LoadReport[]): number {
  // The first interval holds the cold start of the service.
  const measured = reports.slice(1).filter((report) => report.cpuMsPerRequest !== null);
  const requests = measured.reduce((sum, report) => sum + report.count, 0);
  const cpuMs = measured.reduce((sum, report) => sum + report.count * (report.cpuMsPerRequest ?? 0), 0);
  const history = measured.at(-1)?.history;
  if (requests === 0 || history === undefined) {
    throw new Problem(
      'empty',
      'The chatbot answered no request during the baseline.',
      'See the log group of the lab’s service for why, and make the baseline longer than 10 s.',
    );
  }
  return incidentHistory(history, cpuMs / requests);
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
