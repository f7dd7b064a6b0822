import { setTimeout as sleep } from 'node:timers/promises';
import type { Collector } from './collector.ts';
import type { LabLevers } from './lab-levers.ts';
import { type OnProgress, type PhaseTimes, runPhases } from './phases.ts';
import { type Scenario, type ScenarioPlan, scenarios } from './scenarios.ts';

/** Exporters hold spans back for 5 s: what belongs to the scenario before must not come into the next one's store. */
const STRAGGLERS_MS = 5_500;

interface RunParts {
  readonly levers: LabLevers;
  readonly collector: Collector;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Scenarios one after the other in one lab. The phases of each go on whether anybody waits for them or not. */
export class ScenarioRuns {
  readonly #parts: RunParts;
  readonly #times: PhaseTimes;
  readonly #listeners = new Set<OnProgress>();
  #scenario: Scenario;
  #started = 0;
  #phases: Promise<void> = Promise.resolve();
  /** When the fault was taken back, by the process's own clock; undefined while it is there. */
  #relieved: number | undefined;

  /** Begins with a scenario whose baseline is set up already. */
  constructor(parts: RunParts, times: PhaseTimes, first: Scenario) {
    this.#parts = parts;
    this.#times = times;
    this.#scenario = first;
    this.#begin(first);
  }

  get scenario(): Scenario {
    return this.#scenario;
  }

  /** Epoch milliseconds at which the baseline began. */
  get started(): number {
    return this.#started;
  }

  /** Resolves when baseline and incident are over; who waits sees how far they are. */
  async wait(onProgress: OnProgress): Promise<void> {
    this.#listeners.add(onProgress);
    await this.#phases.finally(() => this.#listeners.delete(onProgress));
  }

  /** Takes the fault back, as far as that needs no deployment; what has been measured stays. */
  async relieve(): Promise<void> {
    await this.#phases;
    if (this.#relieved !== undefined) return;
    await this.#parts.levers.relieve();
    this.#relieved = performance.now();
  }

  /** Puts everything back and begins another scenario, with nothing in the store. */
  async change(scenario: Scenario): Promise<void> {
    const { levers, collector, signal } = this.#parts;
    await this.relieve();
    await levers.prepare(scenarios[scenario], scenarios[this.#scenario]);
    const waited = performance.now() - (this.#relieved ?? 0);
    await sleep(Math.max(0, STRAGGLERS_MS - waited), undefined, { signal });
    await collector.startAnew();
    this.#begin(scenario);
  }

  #begin(scenario: Scenario): void {
    const { levers, log, signal } = this.#parts;
    const plan: ScenarioPlan = scenarios[scenario];
    this.#scenario = scenario;
    this.#started = Date.now();
    this.#relieved = undefined;
    levers.beginBaseline();
    const tell: OnProgress = (text, fraction) => {
      for (const listener of this.#listeners) listener(text, fraction);
    };
    this.#phases = runPhases(plan, this.#times, levers, log, tell, signal);
    this.#phases.catch(() => {}); // Told to those who wait; without one there is nobody to tell.
  }
}
