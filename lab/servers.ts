import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, type LabProcess, startServer } from './processes.ts';

export const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));

const STOP_GRACE_MS = 7_000;
/** The load first, so that the tasks have nothing left to drain; the collector last, so that they can flush. */
const STOP_ORDER = ['load', 'emulated cloud', 'fake model server', 'collector'];

/** The lab's own processes, from their start to their end. */
export class Servers {
  readonly #running: LabProcess[] = [];
  readonly #log: (line: string) => void;
  readonly #signal: AbortSignal;

  /** `signal` ends starts that are under way, and says that ends are wanted from then on. */
  constructor(log: (line: string) => void, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  /** A script of the checkout, run from its source. */
  command(
    name: string,
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Command {
    return { name, file: process.execPath, args: [join(CHECKOUT, script), ...args], env, cwd: CHECKOUT };
  }

  async start(command: Command): Promise<LabProcess> {
    return this.keep(await startServer(command, this.#signal));
  }

  /** Looks after a process that was started elsewhere. */
  keep(server: LabProcess): LabProcess {
    this.#running.push(server);
    server.onDeath((words) => {
      if (!this.#signal.aborted) this.#log(`The lab’s ${server.name} ended unexpectedly: ${words.trim()}`);
    });
    return server;
  }

  async stop(server: LabProcess): Promise<void> {
    await server.stop(STOP_GRACE_MS);
    this.#running.splice(this.#running.indexOf(server), 1);
  }

  async stopAll(): Promise<void> {
    const inOrder = this.#running.toSorted(
      (one, other) => STOP_ORDER.indexOf(one.name) - STOP_ORDER.indexOf(other.name),
    );
    for (const server of inOrder) await server.stop(STOP_GRACE_MS);
  }
}
