import { setTimeout as sleep } from 'node:timers/promises';
import { baselineHistory, LOAD } from './calibration.ts';
import type { Levers, StackConfig } from './levers.ts';
import type { ModelBehaviour } from './llm/server.ts';
import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';
import type { LoadProcess } from './load-process.ts';
import { LongConversations } from './long-conversations.ts';
import type { RunningService } from './rollout.ts';
import { HEALTHY_MODEL_MS, HEALTHY_STORE_MS, type ScenarioPlan } from './scenarios.ts';
import { configureStack, deploy, type StackTools } from './stack.ts';

/** The stack as the program has it by itself. */
const HEALTHY_STACK: StackConfig = { serviceVersion: '1.0.0', desiredCount: '1', retrieval: 'question' };

export interface LeverParts {
  readonly load: LoadProcess;
  readonly modelUrl: string;
  readonly storeUrl: string;
  readonly stack: StackTools;
  readonly service: RunningService;
  /** CPU milliseconds that one turn of a conversation costs on this machine. */
  readonly turnCostMs: number;
  readonly signal: AbortSignal;
}

/** The configuration with which a scenario's baseline runs. */
export function baselineStack(plan: ScenarioPlan): StackConfig {
  return { ...HEALTHY_STACK, ...plan.stack };
}

/** The load with which a scenario's baseline runs. */
export function baselineLoad(plan: ScenarioPlan, turnCostMs: number): LoadShape {
  return { ...LOAD, history: baselineHistory(turnCostMs, plan.baselineCores) };
}

/** Works on the processes of a lab, and puts back what scenarios have changed. */
export class LabLevers implements Levers {
  readonly #parts: LeverParts;
  #stack: StackConfig;
  #firstReport = 0;
  #conversations: LongConversations | undefined;

  /** `stack`: the configuration that is deployed now. */
  constructor(parts: LeverParts, stack: StackConfig) {
    this.#parts = parts;
    this.#stack = stack;
  }

  /** Takes every fault back and sets up what the plan wants before its baseline. */
  async prepare(plan: ScenarioPlan): Promise<void> {
    this.#conversations = undefined;
    this.setLoad(baselineLoad(plan, this.#parts.turnCostMs));
    await this.setModel({ medianMs: HEALTHY_MODEL_MS, rateLimitShare: 0 });
    await this.setStoreDelay(HEALTHY_STORE_MS);
    await this.deploy(baselineStack(plan), 'Back to what it was');
  }

  /** From here on reports are those of a new scenario. */
  beginBaseline(): void {
    this.#firstReport = this.#parts.load.reports.length;
  }

  reports(): readonly LoadReport[] {
    return this.#parts.load.reports.slice(this.#firstReport);
  }

  setLoad(change: Partial<LoadShape>): void {
    this.#parts.load.apply(change);
  }

  lengthenConversations(): void {
    this.#conversations = new LongConversations(this);
  }

  settle(): void {
    this.#conversations?.settle();
  }

  setModel(change: Partial<ModelBehaviour>): Promise<void> {
    return this.#fault(this.#parts.modelUrl, change);
  }

  setStoreDelay(delayMs: number): Promise<void> {
    return this.#fault(this.#parts.storeUrl, { delayMs });
  }

  async deploy(change: Partial<StackConfig>, message: string): Promise<void> {
    const wanted = { ...this.#stack, ...change };
    if (JSON.stringify(wanted) === JSON.stringify(this.#stack)) return;
    await configureStack(this.#parts.stack, { ...wanted }, {});
    await deploy(this.#parts.stack, message);
    this.#stack = wanted;
    await this.#parts.service.untilSteady();
  }

  async wait(seconds: number): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal: this.#parts.signal });
  }

  /** The lab's stand-ins do on request what would be an incident elsewhere. */
  async #fault(url: string, body: object): Promise<void> {
    const answer = await fetch(new URL('/lab/fault', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: this.#parts.signal,
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`${url} refused the fault ${JSON.stringify(body)}.`);
  }
}
