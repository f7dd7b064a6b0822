import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { arn, hexId } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { freePort } from '../http.ts';
import type { TaskRunner, UsageReading } from '../tasks/runner.ts';

const VECTOR_STORE = fileURLToPath(new URL('vector-store.ts', import.meta.url));
const READY_MS = 20_000;
const RESTART_MS = 1000;
const STOP_GRACE_MS = 3000;

/** vCPUs and memory (MiB) of the instance types that the lab offers. */
const INSTANCE_SIZES: Readonly<Record<string, { vcpus: number; memoryMiB: number }>> = {
  't3.small.search': { vcpus: 2, memoryMiB: 2048 },
  't3.medium.search': { vcpus: 2, memoryMiB: 4096 },
  'm6g.large.search': { vcpus: 2, memoryMiB: 8192 },
};

/** An OpenSearch domain: one vector store process, restarted when it ends. */
export class Domain {
  readonly name: string;
  readonly arn: string;
  readonly #runner: TaskRunner;
  readonly #processId = `domain-${hexId(12)}`;
  #instanceType: string;
  #port = 0;
  #closing = false;

  private constructor(name: string, instanceType: string, runner: TaskRunner) {
    this.name = name;
    this.arn = arn('es', `domain/${name}`);
    this.#instanceType = instanceType;
    this.#runner = runner;
  }

  /** Starts the domain's process and waits until it answers; port 0 takes a free one. */
  static async start(name: string, instanceType: string, runner: TaskRunner, port = 0): Promise<Domain> {
    const domain = new Domain(name, instanceType, runner);
    domain.#size(); // Refuses an unknown instance type before anything runs.
    domain.#port = port === 0 ? await freePort() : port;
    domain.#run();
    await domain.#untilReady();
    return domain;
  }

  /** Host and port; Amazon's is a host name alone, the lab has only loopback to offer. */
  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get vcpus(): number {
    return this.#size().vcpus;
  }

  get usage(): UsageReading | undefined {
    return this.#runner.usage(this.#processId);
  }

  /** Number of searches and their summed milliseconds since the process began; undefined while it does not answer. */
  async searchStats(): Promise<{ queries: number; queryMs: number } | undefined> {
    try {
      const response = await fetch(`http://${this.endpoint}/_nodes/stats`, {
        signal: AbortSignal.timeout(2000),
      });
      const body = (await response.json()) as {
        nodes: { lab: { indices: { search: { query_total: number; query_time_in_millis: number } } } };
      };
      const { query_total, query_time_in_millis } = body.nodes.lab.indices.search;
      return { queries: query_total, queryMs: query_time_in_millis };
    } catch {
      return undefined; // A gap in the metric, which is what a domain that does not answer has in CloudWatch too.
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#runner.stop(this.#processId, STOP_GRACE_MS);
  }

  #size(): { vcpus: number; memoryMiB: number } {
    const size = INSTANCE_SIZES[this.#instanceType];
    if (size === undefined) {
      throw new AwsError(
        'ValidationException',
        `The emulated cloud (not Amazon's) offers ${Object.keys(INSTANCE_SIZES).join(', ')}, not ${this.#instanceType}.`,
      );
    }
    return size;
  }

  #run(): void {
    const { vcpus, memoryMiB } = this.#size();
    this.#runner.start(
      this.#processId,
      {
        command: [process.execPath, VECTOR_STORE],
        cwd: process.cwd(),
        env: { PATH: process.env['PATH'] ?? '', PORT: String(this.#port) },
        cpuUnits: vcpus * 1024,
        memoryMiB,
      },
      {
        started: () => {},
        output: () => {},
        exited: () => {
          if (!this.#closing) setTimeout(() => this.#closing || this.#run(), RESTART_MS);
        },
      },
    );
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while (Date.now() < deadline) {
      if ((await this.searchStats()) !== undefined) return;
      await sleep(100);
    }
    await this.close();
    throw new AwsError(
      'InternalException',
      `The vector store of domain ${this.name} did not answer within ${READY_MS / 1000} s.`,
      500,
    );
  }
}
