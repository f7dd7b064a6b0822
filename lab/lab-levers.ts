import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../src/problem.ts';
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
/** A slow machine takes in fewer documents a second. */
const FILLED_WITHIN_MS = 90_000;

export interface LeverParts {
  readonly load: LoadProcess;
  readonly modelUrl: string;
  readonly storeUrl: string;
  readonly cloudUrl: string;
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
export function baselineLoad(
  plan: Pick<ScenarioPlan, 'baselineCores' | 'documentKiB'>,
  turnCostMs: number,
): LoadShape {
  return {
    ...LOAD,
    history: baselineHistory(turnCostMs, plan.baselineCores),
    documentKiB: plan.documentKiB ?? 0,
    newQuestions: 0,
  };
}

/** Works on the processes of a lab, and puts back what scenarios have changed. */
export class LabLevers implements Levers {
  readonly #parts: LeverParts;
  #stack: StackConfig;
  #firstReport = 0;
  #conversations: LongConversations | undefined;
  #throttled: string | undefined;

  /** `stack`: the configuration that is deployed now. */
  constructor(parts: LeverParts, stack: StackConfig) {
    this.#parts = parts;
    this.#stack = stack;
  }

  /** Takes back what needs no deployment. */
  async relieve(): Promise<void> {
    const { cloudUrl, turnCostMs } = this.#parts;
    this.#conversations = undefined;
    this.setLoad(baselineLoad({}, turnCostMs));
    await this.setModel({ medianMs: HEALTHY_MODEL_MS, rateLimitShare: 0 });
    await this.setStoreDelay(HEALTHY_STORE_MS);
    if (this.#throttled !== undefined) await this.#fault(cloudUrl, { task: this.#throttled, cpuUnits: null });
  }

  /** Puts the rest back that the scenario before has left, and sets up what the next one wants before its baseline. */
  async prepare(plan: ScenarioPlan, before: ScenarioPlan): Promise<void> {
    await this.deploy(baselineStack(plan), 'Back to what it was');
    if (before.fillsTasks) await this.#parts.service.renewTasks();
    this.setLoad(baselineLoad(plan, this.#parts.turnCostMs));
    this.#throttled = undefined;
  }

  /** From here on reports are those of a new scenario. */
  beginBaseline(): void {
    this.#firstReport = this.#parts.load.reports.length;
  }

  /** The task that this scenario holds back, if it does. */
  get throttled(): string | undefined {
    return this.#throttled;
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

  async throttleOneTask(headroom: number): Promise<string> {
    const { cloudUrl, service } = this.#parts;
    const [task] = await service.taskIds();
    const reports = this.reports().slice(1);
    const cores = reports.map(
      ({ count, seconds, cpuMsPerRequest }) => ((count / seconds) * (cpuMsPerRequest ?? 0)) / 1000,
    );
    const used = cores.reduce((sum, one) => sum + one, 0) / reports.length / Number(this.#stack.desiredCount);
    if (task === undefined || !(used > 0)) {
      throw new Problem(
        'empty',
        'No task answered a request during the baseline.',
        'See the log group of the lab’s service for why.',
      );
    }
    await this.#fault(cloudUrl, { task, cpuUnits: Math.max(1, Math.round(used * headroom * 1024)) });
    this.#throttled = task;
    return task;
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

  untilMemoryUsed(percent: number): Promise<void> {
    return this.#parts.service.untilMemoryUsed(percent, FILLED_WITHIN_MS);
  }

  async raiseUntilSlower(
    times: number,
    most: number,
    raise: (step: number) => Partial<LoadShape>,
  ): Promise<void> {
    // The first report holds what was before; the second surely falls into the baseline.
    const typical = this.reports()[1]?.p50 ?? null;
    for (let step = 0; step < most; step += 1) {
      this.setLoad(raise(step));
      // The interval in which the load changes mixes both; the one after it shows what came of it.
      const wanted = this.reports().length + 2;
      for (let waited = 0; this.reports().length < wanted && waited < 30; waited += 0.5) await this.wait(0.5);
      const now = this.reports().at(-1)?.p50 ?? null;
      // No answer at all within an interval is slow enough.
      if (typical === null || now === null || now >= times * typical) return;
    }
  }

  async wait(seconds: number): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal: this.#parts.signal });
  }

  #fault(url: string, body: object): Promise<void> {
    return causeFault(url, body, this.#parts.signal);
  }
}

/** The lab's stand-ins do on request what would be an incident elsewhere. */
export async function causeFault(url: string, body: object, signal: AbortSignal): Promise<void> {
  const answer = await fetch(new URL('/lab/fault', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`${url} refused the fault ${JSON.stringify(body)}.`);
}
