import type { ModelBehaviour } from './llm/server.ts';
import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';

/** What of the stack's configuration scenarios change; values as `pulumi config set` takes them. */
export interface StackConfig {
  readonly serviceVersion: string;
  readonly desiredCount: string;
  /** What the chatbot searches for: the question as a whole, or each of its terms. */
  readonly retrieval: 'question' | 'terms';
}

/** The parts of a running lab that a scenario works on. All of it may be put back (`LabLevers.prepare`). */
export interface Levers {
  /** Interval reports of the load since the scenario's baseline began. */
  reports(): readonly LoadReport[];
  setLoad(change: Partial<LoadShape>): void;
  /** Lets conversations grow until answering them costs more CPU than the task's first size has. */
  lengthenConversations(): void;
  /** Corrects a fault whose size shows only while it lasts. */
  settle(): void;
  /**
   * Holds one of the tasks back as a bad host would, to so many times the CPU time that it has used until now; returns
   * the task's id.
   */
  throttleOneTask(headroom: number): Promise<string>;
  setModel(change: Partial<ModelBehaviour>): Promise<void>;
  /** Time that the vector store takes for a search, milliseconds. */
  setStoreDelay(delayMs: number): Promise<void>;
  /** A real `pulumi up` with this configuration; resolves when the rollout is over. */
  deploy(change: Partial<StackConfig>, message: string): Promise<void>;
  /** Resolves when the tasks use at least so many percent of their memory; how fast they do is the machine's. */
  untilMemoryUsed(percent: number): Promise<void>;
  /** Raises the load by steps (0, 1, 2…) until answers take so many times as long as in the baseline, or `most` steps are done. */
  raiseUntilSlower(times: number, most: number, raise: (step: number) => Partial<LoadShape>): Promise<void>;
  wait(seconds: number): Promise<void>;
}
