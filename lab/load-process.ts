import type { LoadReport } from './load/report.ts';
import type { LoadShape } from './load/users.ts';
import { type Command, type LabProcess, startServer } from './processes.ts';

/** The load generator as a process of its own, so that its work does not delay what it measures with. */
export class LoadProcess {
  readonly #process: LabProcess;
  readonly #reports: LoadReport[] = [];

  private constructor(process: LabProcess) {
    this.#process = process;
    process.onLine((line) => this.#reports.push(JSON.parse(line) as LoadReport));
  }

  static async start(command: Command, signal: AbortSignal): Promise<LoadProcess> {
    return new LoadProcess(await startServer(command, signal));
  }

  get process(): LabProcess {
    return this.#process;
  }

  /** All interval reports so far, oldest first. */
  get reports(): readonly LoadReport[] {
    return this.#reports;
  }

  apply(change: Partial<LoadShape>): void {
    this.#process.send(JSON.stringify(change));
  }
}
