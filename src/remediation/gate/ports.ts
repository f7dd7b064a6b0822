import type { RolloutSource, StackSource } from '../../infrastructure/model.ts';
import type { TelemetryStore } from '../../telemetry/query.ts';
import type { Journal } from './journal.ts';
import type { UpdateRunner } from './pulumi-updates.ts';

/** Time and waiting, so that tests need neither. Milliseconds. */
export interface Clock {
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface GatePorts {
  readonly updates: UpdateRunner;
  readonly stacks: StackSource;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Asked for when a deployment is to be marked or verified; null where there is none. */
  telemetry(): Promise<TelemetryStore | null>;
  /** Asked for when a rollout is to be watched; null where it can't be. */
  rollouts(): Promise<RolloutSource | null>;
  settings(): GateSettings;
}

export interface GateSettings {
  /** How long an approval holds. Default in the extension: 15 minutes. */
  readonly approvalMinutes: number;
  readonly verifyWindowSeconds: number;
  readonly rolloutTimeoutMinutes: number;
  /** Dataset that is asked and marked; `__all__` for all of the environment. */
  readonly dataset: string;
}

/** What happens meanwhile, and how far it is: 0…1, or null when it can't be told. */
export type Progress = (label: string, fraction: number | null) => void;
