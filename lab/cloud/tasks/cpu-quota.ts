/** The period over which a quota is granted: that of the kernel's CFS bandwidth control, which Fargate uses too. */
export const PERIOD_MS = 100;

/** A supervisor that was late (a busy machine) owes at most this many periods; a task must not get a burst for a long nap. */
const MAX_OWED_PERIODS = 3;

/**
 * How much CPU time a task may still use: `units`/1024 of a core, granted anew each period.
 * What is left unused lapses; what was overdrawn (a reading comes late, threads run in parallel) is a debt that later periods pay.
 * Pure: it neither reads a clock nor signals a process.
 */
export class CpuQuota {
  readonly perPeriodMs: number;
  #creditMs: number;

  constructor(units: number) {
    if (!(units > 0)) throw new RangeError(`CPU units must be positive, not ${units}`);
    this.perPeriodMs = (units / 1024) * PERIOD_MS;
    this.#creditMs = this.perPeriodMs;
  }

  /** CPU milliseconds left in this period; negative while in debt. */
  get creditMs(): number {
    return this.#creditMs;
  }

  get mayRun(): boolean {
    return this.#creditMs > 0;
  }

  /** Takes CPU time that the task has used since the last charge. */
  charge(usedMs: number): void {
    this.#creditMs -= usedMs;
  }

  /** Grants the quota of the periods that have begun since the last call. */
  refill(periods: number): void {
    if (periods <= 0) return;
    const owed = Math.min(periods, MAX_OWED_PERIODS);
    // One period's grant lapses at its end, so the cap is one grant for each period the supervisor slept through.
    this.#creditMs = Math.min(this.#creditMs + periods * this.perPeriodMs, owed * this.perPeriodMs);
  }
}
