import { Problem } from '../problem.ts';

/** Result creations that a store allows. Honeycomb: 10 a minute, 1 a minute with relational columns. */
export interface BudgetLimits {
  readonly perMinute: number;
  readonly relationalPerMinute: number;
}

export const HONEYCOMB_LIMITS: BudgetLimits = { perMinute: 10, relationalPerMinute: 1 };

/** Time and waiting, so that tests need neither. Milliseconds. */
export interface Clock {
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Two token buckets; a relational query takes a token of each. Full buckets allow a burst, then a steady rate. */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #all: TokenBucket;
  readonly #relational: TokenBucket;
  readonly #maxWaitMs: number;

  /** @param maxWaitMs a longer wait is refused at once as `rate-limited`, with the time to wait */
  constructor(limits: BudgetLimits, clock: Clock, maxWaitMs = 60_000) {
    this.#clock = clock;
    this.#all = new TokenBucket(limits.perMinute, clock.now());
    this.#relational = new TokenBucket(limits.relationalPerMinute, clock.now());
    this.#maxWaitMs = maxWaitMs;
  }

  /** Takes a token, waiting for it if need be. Throws Problem `rate-limited`. */
  async take(relational: boolean, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#clock.now();
      const wait = Math.max(this.#all.waitMs(now), relational ? this.#relational.waitMs(now) : 0);
      if (wait <= 0) {
        this.#all.take(now);
        if (relational) this.#relational.take(now);
        return;
      }
      if (wait > this.#maxWaitMs) throw rateLimited(wait);
      await this.#clock.sleep(wait, signal);
    }
  }

  /** The store itself said to wait: nothing is sent before. */
  pause(ms: number): void {
    this.#all.pauseUntil(this.#clock.now() + ms);
  }
}

export function rateLimited(waitMs: number, cause?: unknown): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new Problem(
    'rate-limited',
    `Honeycomb's limit of query results is reached; it takes the next one in ${seconds} s.`,
    `Try again in ${seconds} s. Answers already read stay in the cache and cost nothing.`,
    { cause },
  );
}

class TokenBucket {
  readonly #perMinute: number;
  #tokens: number;
  #updated: number;
  #pausedUntil = 0;

  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute;
    this.#tokens = perMinute;
    this.#updated = now;
  }

  waitMs(now: number): number {
    this.#refill(now);
    const forToken = this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 60_000) / this.#perMinute;
    return Math.max(Math.ceil(forToken), this.#pausedUntil - now);
  }

  take(now: number): void {
    this.#refill(now);
    this.#tokens -= 1;
  }

  pauseUntil(time: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, time);
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#updated);
    this.#tokens = Math.min(this.#perMinute, this.#tokens + (elapsed * this.#perMinute) / 60_000);
    this.#updated = now;
  }
}
