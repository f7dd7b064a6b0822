import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../src/problem.ts';
import { measureTurnCost } from './calibration.ts';
import { Collector } from './collector.ts';
import { baseEnvironment, serverEnvironment } from './environment.ts';
import { baselineLoad, baselineStack, causeFault, LabLevers } from './lab-levers.ts';
import type { StackConfig } from './levers.ts';
import type { LoadShape } from './load/users.ts';
import { LoadProcess } from './load-process.ts';
import type { OnProgress } from './phases.ts';
import { RunningService } from './rollout.ts';
import { createRun, removeRun, sweepRuns } from './runs.ts';
import { ScenarioRuns } from './scenario-runs.ts';
import {
  HEALTHY_MODEL_MS,
  HEALTHY_STORE_MS,
  type Scenario,
  type ScenarioPlan,
  scenarios,
} from './scenarios.ts';
import { CHECKOUT, Servers } from './servers.ts';
import type { Toolchain } from './setup/toolchain.mjs';
import { configureStack, deploy, initStack, readOutputs, type StackTools } from './stack.ts';
import { copyProgram, STACK, writeSettings } from './workspace.ts';

const HEALTHY_WITHIN_MS = 60_000;
/** The load runs for this long before the baseline counts, so that it does not measure a cold start. */
const WARM_UP_MS = 5_000;
const VERIFY_SECONDS = 30;

export interface LabOptions {
  readonly scenario: Scenario;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly toolchain: Toolchain;
  readonly baselineSeconds?: number;
  readonly incidentSeconds?: number;
}

export interface Lab {
  /** The one that runs now. */
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
  /** The one instance that is at fault, where the scenario has such. */
  readonly faultyInstance: string | undefined;
  /** Resolves when baseline and incident are over; rejects when they can't be finished. */
  waitForTelemetry(onProgress: OnProgress): Promise<void>;
  /** Takes the fault back, as far as that needs no deployment; what has been measured stays. */
  relieve(): Promise<void>;
  /** Puts everything back, with an empty store of telemetry, and begins another scenario. */
  change(scenario: Scenario): Promise<void>;
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

/** What the stack's outputs say about the system that was brought up. */
interface Deployed {
  readonly serviceUrl: string;
  readonly storeUrl: string;
  readonly cluster: string;
  readonly service: string;
}

class LabStart {
  readonly #options: LabOptions;
  readonly #pulumi: string;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  readonly #servers: Servers;
  #dir: string | undefined;
  #service: RunningService | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LabOptions, pulumi: string) {
    this.#options = options;
    this.#pulumi = pulumi;
    this.#signal = AbortSignal.any([this.#ending.signal, ...(options.signal ? [options.signal] : [])]);
    this.#servers = new Servers(options.log, this.#signal);
  }

  async start(): Promise<Lab> {
    const { log, toolchain, baselineSeconds = 30, incidentSeconds = 40 } = this.#options;
    const plan: ScenarioPlan = scenarios[this.#options.scenario];
    const labDir = join(CHECKOUT, '.lab');
    await sweepRuns(labDir, log);
    this.#signal.throwIfAborted();
    const dir = await createRun(labDir);
    this.#dir = dir;
    const workspaceDir = join(dir, 'workspace');

    const turnCostMs = await this.#step('measured this machine', () => measureTurnCost(this.#signal));
    const base = baseEnvironment(process.env, toolchain, dir);
    const servers = this.#servers;
    const start = (name: string, script: string, args: readonly string[]) =>
      servers.start(servers.command(name, script, ['--port', '0', ...args], base));
    const [collector, model, cloud] = await this.#step(
      'collector, fake model server and emulated cloud (not Amazon’s) are up',
      () =>
        this.#all([
          Collector.start(servers, join(dir, 'telemetry'), base),
          start('fake model server', 'lab/llm/main.ts', ['--median-ms', String(HEALTHY_MODEL_MS)]),
          start('emulated cloud', 'lab/cloud/main.ts', ['--dir', join(dir, 'cloud')]),
        ]),
    );
    const env = { ...base, ...serverEnvironment(collector.url, cloud.url) };

    const project = await this.#step('workspace made', async () => {
      const name = await copyProgram(join(CHECKOUT, 'lab', 'program'), workspaceDir);
      await writeSettings(workspaceDir, { collectorUrl: collector.url, verifySeconds: VERIFY_SECONDS });
      return name;
    });
    const stack: StackTools = { pulumi: this.#pulumi, workspace: workspaceDir, env, signal: this.#signal };
    const config = baselineStack(plan);
    const deployed = await this.#bringUp(stack, config, model.url);
    const service = new RunningService(cloud.url, deployed.cluster, deployed.service, this.#signal);
    this.#service = service;
    await this.#step('service is healthy behind its load balancer', async () => {
      await this.#untilHealthy(deployed.serviceUrl);
      await service.untilSteady();
    });

    const shape = baselineLoad(plan, turnCostMs);
    const load = await this.#step(
      `load is on: ${shape.users} users, ${shape.history} turns each`,
      async () => {
        const { storeUrl, serviceUrl } = deployed;
        await causeFault(storeUrl, { delayMs: HEALTHY_STORE_MS }, this.#signal);
        return this.#startLoad(serviceUrl, shape, env);
      },
    );
    const parts = {
      load,
      modelUrl: model.url,
      storeUrl: deployed.storeUrl,
      cloudUrl: cloud.url,
      stack,
      service,
      turnCostMs,
      signal: this.#signal,
    };
    const levers = new LabLevers(parts, config);
    const runs = new ScenarioRuns(
      { levers, collector, log, signal: this.#signal },
      { baselineSeconds, incidentSeconds },
      this.#options.scenario,
    );

    return {
      dir,
      collectorUrl: collector.url,
      cloudUrl: cloud.url,
      serviceUrl: deployed.serviceUrl,
      workspaceDir,
      stackFqn: `organization/${project}/${STACK}`,
      env,
      get scenario() {
        return runs.scenario;
      },
      get faultyInstance() {
        return levers.throttled;
      },
      get started() {
        return runs.started;
      },
      get collectorDataDir() {
        return collector.dataDir;
      },
      waitForTelemetry: (onProgress) => runs.wait(onProgress),
      relieve: () => runs.relieve(),
      change: (scenario) => runs.change(scenario),
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
    this.#service?.close();
    await this.#servers.stopAll();
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

  async #bringUp(tools: StackTools, config: StackConfig, llmUrl: string): Promise<Deployed> {
    await this.#step('Pulumi stack made', async () => {
      await initStack(tools);
      const honeycombEndpoint = tools.env['HONEYCOMB_API_ENDPOINT'] ?? '';
      const secret = { honeycombApiKey: tools.env['HONEYCOMB_API_KEY'] ?? '' };
      const plain = { 'aws:region': 'us-east-1', honeycombEndpoint, llmUrl, ...config };
      await configureStack(tools, plain, secret);
    });
    return this.#step('pulumi up', async () => {
      await deploy(tools, 'First deployment');
      const outputs = await readOutputs(tools);
      const text = (name: string): string => {
        const value = outputs[name];
        if (typeof value === 'string') return value;
        throw new Problem('program-error', `The program exports no ${name}.`, 'Restore lab/program.');
      };
      return {
        serviceUrl: text('url'),
        storeUrl: text('vectorStoreUrl'),
        cluster: text('clusterName'),
        service: text('serviceName'),
      };
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

  async #startLoad(url: string, shape: LoadShape, env: Record<string, string>): Promise<LoadProcess> {
    const args = [
      ...['--users', shape.users, '--think-ms', shape.thinkMs, '--history', shape.history],
      ...['--document-kib', shape.documentKiB, '--new-questions', shape.newQuestions],
    ];
    const command = this.#servers.command(
      'load',
      'lab/load/main.ts',
      ['--url', url, ...args.map(String)],
      env,
    );
    const load = await LoadProcess.start(command, this.#signal);
    this.#servers.keep(load.process);
    await sleep(WARM_UP_MS, undefined, { signal: this.#signal });
    return load;
  }
}
