import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../src/problem.ts';
import { incidentHistory, type MeasuredCost } from './calibration.ts';
import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';
import { HEALTHY_MODEL_MS, type ScenarioPlan } from './scenarios.ts';

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

/** The length of long conversations is corrected for so long. */
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
  const total = times.baselineSeconds + times.incidentSeconds;
  log(`Baseline of ${times.baselineSeconds} s: short conversations, a model server that answers in time.`);
  await pass(times.baselineSeconds, (s) => onProgress(`baseline, ${rate(levers)}`, s / total), signal);

  log(`Caused: ${plan.caused}.`);
  const conversations = plan.longConversations ? new LongConversations(levers) : undefined;
  if (plan.modelMedianMs !== HEALTHY_MODEL_MS) await levers.setModelMedian(plan.modelMedianMs);
  await pass(
    times.incidentSeconds,
    (s) => {
      if (s < SETTLE_SECONDS) conversations?.settle();
      onProgress(`after the change, ${rate(levers)}`, (times.baselineSeconds + s) / total);
    },
    signal,
  );
  if (conversations) log(`Conversations have ${conversations.history} turns now.`);
  onProgress('enough telemetry', 1);
}

/**
 * Conversations as long as the fault needs them. How much CPU time a turn costs is only known while the service answers
 * long ones, so their length is corrected with the first reports, and stays as it is from then on.
 */
class LongConversations {
  readonly #levers: Levers;
  readonly #short: MeasuredCost;
  readonly #before: number;
  #seen: number;
  history: number;

  constructor(levers: Levers) {
    const reports = levers.reports();
    // The first interval holds the cold start of the service.
    const short = costOf(reports.slice(1));
    if (short === undefined) {
      throw new Problem(
        'empty',
        'The chatbot answered no request during the baseline.',
        'See the log group of the lab’s service for why; a baseline needs 15 s at least.',
      );
    }
    this.#levers = levers;
    this.#short = short;
    // The interval in which the change falls mixes both.
    this.#before = reports.length + 1;
    this.#seen = this.#before;
    this.history = incidentHistory(short);
    levers.setLoad({ history: this.history });
  }

  /** Corrects the length when a new report has come. */
  settle(): void {
    const reports = this.#levers.reports();
    if (reports.length <= this.#seen) return;
    this.#seen = reports.length;
    const long = costOf(reports.slice(this.#before));
    // Answers to questions from before the change come late when the service is behind.
    if (long === undefined || long.history < 2 * this.#short.history) return;
    const history = incidentHistory(this.#short, long);
    if (history === this.history) return;
    this.history = history;
    this.#levers.setLoad({ history });
  }
}

function costOf(reports: readonly LoadReport[]): MeasuredCost | undefined {
  let requests = 0;
  let turns = 0;
  let cpuMs = 0;
  for (const { count, meanHistory, cpuMsPerRequest } of reports) {
    if (meanHistory === null || cpuMsPerRequest === null) continue;
    requests += count;
    turns += count * meanHistory;
    cpuMs += count * cpuMsPerRequest;
  }
  return requests === 0 ? undefined : { history: turns / requests, cpuMsPerRequest: cpuMs / requests };
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
