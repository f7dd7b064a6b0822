import { join } from 'node:path';
import type { LabProcess } from './processes.ts';
import type { Servers } from './servers.ts';

/** The lab's collector: always at the same address, with an empty store whenever that is wanted. */
export class Collector {
  readonly #servers: Servers;
  readonly #dir: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: LabProcess;
  #stores = 1;

  private constructor(
    servers: Servers,
    dir: string,
    env: Readonly<Record<string, string>>,
    process: LabProcess,
  ) {
    this.#servers = servers;
    this.#dir = dir;
    this.#env = env;
    this.#process = process;
  }

  /** Starts it on a free port; its stores go below `dir`. */
  static async start(
    servers: Servers,
    dir: string,
    env: Readonly<Record<string, string>>,
  ): Promise<Collector> {
    return new Collector(servers, dir, env, await launch(servers, storeDir(dir, 1), '0', env));
  }

  get url(): string {
    return this.#process.url;
  }

  get dataDir(): string {
    return storeDir(this.#dir, this.#stores);
  }

  /** Begins an empty store. What is sent while it changes over is lost, as with any collector that is restarted. */
  async startAnew(): Promise<void> {
    const { port } = new URL(this.url);
    await this.#servers.stop(this.#process);
    this.#stores += 1;
    this.#process = await launch(this.#servers, this.dataDir, port, this.#env);
  }
}

function launch(
  servers: Servers,
  dataDir: string,
  port: string,
  env: Readonly<Record<string, string>>,
): Promise<LabProcess> {
  const args = ['--port', port, '--data', dataDir, '--exit-with-parent'];
  return servers.start(servers.command('collector', 'src/collector/main.ts', args, env));
}

function storeDir(dir: string, number: number): string {
  return join(dir, String(number));
}
