import type { Clock } from '../../src/telemetry/request-budget.ts';

/** A clock that only sleeping moves. */
export class SteppedClock implements Clock {
  readonly slept: number[] = [];
  onSleep: () => void = () => undefined;
  #now: number;

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    this.onSleep();
    signal?.throwIfAborted();
    this.#now += ms;
  }
}
