import { Problem } from '../src/problem.ts';
import { incidentHistory, type MeasuredCost } from './calibration.ts';
import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';

/** The parts of a running lab that conversations depend on. */
interface Conversations {
  reports(): readonly LoadReport[];
  setLoad(change: Partial<LoadShape>): void;
}

/**
 * Conversations as long as the fault needs them. How much CPU time a turn costs is only known while the service answers
 * long ones, so their length is corrected with the first reports, and stays as it is from then on.
 */
export class LongConversations {
  readonly #lab: Conversations;
  readonly #short: MeasuredCost;
  readonly #before: number;
  #seen: number;
  #history: number;

  /** Throws a Problem when nothing was answered during the baseline. */
  constructor(lab: Conversations) {
    const reports = lab.reports();
    // The first interval holds a cold start of the service, or the end of what was before.
    const short = costOf(reports.slice(1));
    if (short === undefined) {
      throw new Problem(
        'empty',
        'The chatbot answered no request during the baseline.',
        'See the log group of the lab’s service for why; a baseline needs 15 s at least.',
      );
    }
    this.#lab = lab;
    this.#short = short;
    // The interval in which the change falls mixes both.
    this.#before = reports.length + 1;
    this.#seen = this.#before;
    this.#history = incidentHistory(short);
    lab.setLoad({ history: this.#history });
  }

  /** Turns of a conversation now. */
  get history(): number {
    return this.#history;
  }

  /** Corrects the length when a new report has come. */
  settle(): void {
    const reports = this.#lab.reports();
    if (reports.length <= this.#seen) return;
    this.#seen = reports.length;
    const long = costOf(reports.slice(this.#before));
    // Answers to questions from before the change come late when the service is behind.
    if (long === undefined || long.history < 2 * this.#short.history) return;
    const history = incidentHistory(this.#short, long);
    if (history === this.#history) return;
    this.#history = history;
    this.#lab.setLoad({ history });
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
