import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Problem } from '../src/problem.ts';
import { baselineHistory, LOAD, measureTurnCost } from './calibration.ts';
import { baseEnvironment, serverEnvironment } from './environment.ts';
import type { LoadShape } from './load/users.ts';
import { LoadProcess } from './load-process.ts';
import { type OnProgress, type PhaseTimes, runPhases } from './phases.ts';
import { type LabProcess, startServer } from './processes.ts';
import { createRun, removeRun, sweepRuns } from './runs.ts';
import { HEALTHY_MODEL_MS, type Scenario, scenarios } from './scenarios.ts';
import type { Toolchain } from './setup/toolchain.mjs';
import { configureStack, deploy, initStack, readOutputs, type StackTools } from './stack.ts';
import { copyProgram, STACK, writeSettings } from './workspace.ts';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const HEALTHY_WITHIN_MS = 60_000;
/** The load runs for this long before the baseline counts, so that it does not measure a cold start. */
const WARM_UP_MS = 5_000;
const STOP_GRACE_MS = 7_000;
const VERIFY_SECONDS = 30;
/** The load first, so that the tasks have nothing left to drain; the collector last, so that they can flush. */
const STOP_ORDER = ['load', 'emulated cloud', 'fake model server', 'collector'];

export interface LabOptions {
  readonly scenario: Scenario;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly toolchain: Toolchain;
  readonly baselineSeconds?: number;
  readonly incidentSeconds?: number;
}

export interface Lab {
  readonly scenario: Scenario;
  /** Everything the run has written is in here. */
  readonly dir: string;
  readonly collectorUrl: string;
  readonly collectorDataDir: string;
  readonly cloudUrl: string;
  /** The service's load balancer. */
  readonly serviceUrl: string;
  readonly workspaceDir: string;
  readonly stackFqn: string;
  /** All that a child process (CLI, VS Code, extension) needs to work on the lab and on nothing else. */
  readonly env: Record<string, string>;
  /** Epoch milliseconds at which the baseline began. */
  readonly started: number;
  /** Resolves when baseline and incident are over; rejects when they can't be finished. */
  waitForTelemetry(onProgress: OnProgress): Promise<void>;
  setLoad(change: Partial<LoadShape>): void;
  /** Stops every process and removes the run's folder. May be called more than once. */
  close(): Promise<void>;
}

/**
 * Starts the whole lab: collector, fake model server, emulated cloud, the Pulumi program on it, and the load.
 * Throws a Problem and leaves nothing behind when a step fails or the signal fires.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { pulumi } = options.toolchain;
  if (pulumi === undefined) {
    const reason = options.toolchain.skipped.find(({ name }) => name.startsWith('Pulumi'))?.reason;
    throw new Problem(
      'pulumi-missing',
      `The lab needs the Pulumi CLI${reason === undefined ? '.' : `: ${reason}`}`,
      'Install it from https://www.pulumi.com/docs/install/ and start again.',
    );
  }
  const starting = new LabStart(options, pulumi.bin);
  try {
    return await starting.start();
  } catch (thrown) {
    await starting.close();
    if (options.signal?.aborted) {
      throw new Problem('cancelled', 'The lab was stopped.', 'Start it again when you want to.', {
        cause: thrown,
      });
    }
    throw thrown;
  }
}

class LabStart {
  readonly #options: LabOptions;
  readonly #pulumi: string;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  readonly #servers: LabProcess[] = [];
  #dir: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LabOptions, pulumi: string) {
    this.#options = options;
    this.#pulumi = pulumi;
    this.#signal = AbortSignal.any([this.#ending.signal, ...(options.signal ? [options.signal] : [])]);
  }

  async start(): Promise<Lab> {
    const { scenario, log, toolchain } = this.#options;
    const labDir = join(CHECKOUT, '.lab');
    await sweepRuns(labDir, log);
    this.#signal.throwIfAborted();
    const dir = await createRun(labDir);
    this.#dir = dir;
    const workspaceDir = join(dir, 'workspace');
    const collectorDataDir = join(dir, 'telemetry');

    const turnCost = await this.#step('measured this machine', () => measureTurnCost(this.#signal));
    const base = baseEnvironment(process.env, toolchain, dir);
    const [collector, model, cloud] = await this.#step(
      'collector, fake model server and emulated cloud (not Amazon’s) are up',
      () =>
        this.#all([
          this.#server(
            'collector',
            'src/collector/main.ts',
            ['--data', collectorDataDir, '--exit-with-parent'],
            base,
          ),
          this.#server(
            'fake model server',
            'lab/llm/main.ts',
            ['--median-ms', String(HEALTHY_MODEL_MS)],
            base,
          ),
          this.#server('emulated cloud', 'lab/cloud/main.ts', ['--dir', join(dir, 'cloud')], base),
        ]),
    );
    const env = { ...base, ...serverEnvironment(collector.url, cloud.url) };

    const project = await this.#step('workspace made', async () => {
      const name = await copyProgram(join(CHECKOUT, 'lab', 'program'), workspaceDir);
      await writeSettings(workspaceDir, { collectorUrl: collector.url, verifySeconds: VERIFY_SECONDS });
      return name;
    });
    const serviceUrl = await this.#bringUp(workspaceDir, env, collector.url, model.url);
    await this.#step('service is healthy behind its load balancer', () => this.#untilHealthy(serviceUrl));

    const history = baselineHistory(turnCost);
    const load = await this.#step(`load is on: ${LOAD.users} users, ${history} turns each`, () =>
      this.#startLoad(serviceUrl, history, env),
    );
    const started = Date.now();
    const phases = this.#watchPhases(load, model.url);

    return {
      scenario,
      dir,
      collectorUrl: collector.url,
      collectorDataDir,
      cloudUrl: cloud.url,
      serviceUrl,
      workspaceDir,
      stackFqn: `organization/${project}/${STACK}`,
      env,
      started,
      waitForTelemetry: phases,
      setLoad: (change) => load.apply(change),
      close: () => this.close(),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    const inOrder = this.#servers.toSorted(
      (one, other) => STOP_ORDER.indexOf(one.name) - STOP_ORDER.indexOf(other.name),
    );
    for (const server of inOrder) await server.stop(STOP_GRACE_MS);
    if (this.#dir !== undefined) await removeRun(this.#dir);
  }

  /** Does one step and says how long it took. */
  async #step<Result>(done: string, work: () => Promise<Result>): Promise<Result> {
    this.#signal.throwIfAborted();
    const began = performance.now();
    const result = await work();
    this.#options.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${done}`);
    return result;
  }

  /** Waits for all, even when one fails: those that come up after the failure must be stopped as well. */
  async #all<const Started extends readonly Promise<unknown>[]>(
    starting: Started,
  ): Promise<{ [Index in keyof Started]: Awaited<Started[Index]> }> {
    await Promise.allSettled(starting);
    return Promise.all(starting) as Promise<{ [Index in keyof Started]: Awaited<Started[Index]> }>;
  }

  async #server(
    name: string,
    script: string,
    args: readonly string[],
    env: Record<string, string>,
  ): Promise<LabProcess> {
    const server = await startServer(
      this.#command(name, script, ['--port', '0', ...args], env),
      this.#signal,
    );
    return this.#keep(server);
  }

  #command(name: string, script: string, args: readonly string[], env: Record<string, string>) {
    return { name, file: process.execPath, args: [join(CHECKOUT, script), ...args], env, cwd: CHECKOUT };
  }

  #keep(server: LabProcess): LabProcess {
    this.#servers.push(server);
    server.onDeath((words) => {
      if (!this.#signal.aborted)
        this.#options.log(`The lab’s ${server.name} ended unexpectedly: ${words.trim()}`);
    });
    return server;
  }

  async #bringUp(
    workspace: string,
    env: Record<string, string>,
    honeycombEndpoint: string,
    llmUrl: string,
  ): Promise<string> {
    const tools: StackTools = { pulumi: this.#pulumi, workspace, env, signal: this.#signal };
    await this.#step('Pulumi stack made', async () => {
      await initStack(tools);
      const secret = { honeycombApiKey: env['HONEYCOMB_API_KEY'] ?? '' };
      await configureStack(tools, { 'aws:region': 'us-east-1', honeycombEndpoint, llmUrl }, secret);
    });
    return this.#step('pulumi up', async () => {
      await deploy(tools);
      const { url } = await readOutputs(tools);
      if (typeof url === 'string' && URL.canParse(url)) return url;
      throw new Problem('program-error', 'The program exports no url.', 'Restore lab/program.');
    });
  }

  async #untilHealthy(serviceUrl: string): Promise<void> {
    const deadline = Date.now() + HEALTHY_WITHIN_MS;
    while (Date.now() < deadline) {
      const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(2_000)]);
      const answer = await fetch(new URL('/healthz', serviceUrl), { signal: limit }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      await sleep(200, undefined, { signal: this.#signal });
    }
    throw new Problem(
      'timeout',
      `The service did not become healthy within ${HEALTHY_WITHIN_MS / 1000} s.`,
      `Run the chatbot alone (node lab/chatbot/main.ts) to see whether it starts.`,
    );
  }

  async #startLoad(url: string, history: number, env: Record<string, string>): Promise<LoadProcess> {
    const shape = [
      '--users',
      String(LOAD.users),
      '--think-ms',
      String(LOAD.thinkMs),
      '--history',
      String(history),
    ];
    const command = this.#command('load', 'lab/load/main.ts', ['--url', url, ...shape], env);
    const load = await LoadProcess.start(command, this.#signal);
    this.#keep(load.process);
    await sleep(WARM_UP_MS, undefined, { signal: this.#signal });
    return load;
  }

  /** The phases go on whether anybody waits for them or not; who waits sees how far they are. */
  #watchPhases(load: LoadProcess, modelUrl: string): (onProgress: OnProgress) => Promise<void> {
    const { scenario, log, baselineSeconds = 30, incidentSeconds = 40 } = this.#options;
    const times: PhaseTimes = { baselineSeconds, incidentSeconds };
    const listeners = new Set<OnProgress>();
    const levers = {
      reports: () => load.reports,
      setLoad: (change: Partial<LoadShape>) => load.apply(change),
      setModelMedian: (medianMs: number) => setModelMedian(modelUrl, medianMs, this.#signal),
    };
    const tell: OnProgress = (text, fraction) => {
      for (const listener of listeners) listener(text, fraction);
    };
    const phases = runPhases(scenarios[scenario], times, levers, log, tell, this.#signal);
    phases.catch(() => {}); // Told to those who wait; without one there is nobody to tell.
    return async (onProgress) => {
      listeners.add(onProgress);
      await phases.finally(() => listeners.delete(onProgress));
    };
  }
}

async function setModelMedian(modelUrl: string, medianMs: number, signal: AbortSignal): Promise<void> {
  const answer = await fetch(new URL('/lab/fault', modelUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ medianMs }),
    signal,
  });
  if (!answer.ok) throw new Error(`The fake model server refused a median of ${medianMs} ms.`);
}
