import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LAB_NICE, prioritise } from '../../priority.ts';
import type { SupervisorReport, SupervisorRequest, TaskCommand, TaskUsage } from './messages.ts';
import type { ProcessFile } from './strays.ts';

const SUPERVISOR = fileURLToPath(new URL('supervisor.ts', import.meta.url));
/** A killed task: 128 + SIGKILL. */
const KILLED = 137;

export interface ExitReport {
  exitCode: number | null;
  outOfMemory: boolean;
  startError?: string;
}

/** What the owner of a task wants to hear about it. */
export interface TaskWatcher {
  started(): void;
  output(at: number, lines: readonly string[]): void;
  exited(exit: ExitReport): void;
}

/** CPU time and memory of a task at one moment (epoch milliseconds). */
export interface UsageReading extends TaskUsage {
  at: number;
}

interface Running {
  watcher: TaskWatcher;
  pid?: number;
  usage?: UsageReading;
}

/** The cloud's side of the supervisor: starts and stops tasks, passes on what happens to them. */
export class TaskRunner {
  readonly #processes: ProcessFile;
  readonly #log: (line: string) => void;
  readonly #running = new Map<string, Running>();
  #supervisor: ChildProcess | undefined;
  #closing = false;

  constructor(processes: ProcessFile, log: (line: string) => void) {
    this.#processes = processes;
    this.#log = log;
  }

  /** Starts a task's process; everything that follows, a failed start included, reaches the watcher. */
  start(id: string, task: TaskCommand, watcher: TaskWatcher): void {
    this.#running.set(id, { watcher });
    this.#send({ kind: 'start', id, task });
  }

  /** Holds a running task to another quota than it was started with; 1024 units are one core. */
  limit(id: string, cpuUnits: number): void {
    if (this.#running.has(id)) this.#send({ kind: 'limit', id, cpuUnits });
  }

  stop(id: string, graceMs: number): void {
    if (this.#running.has(id)) this.#send({ kind: 'stop', id, graceMs });
  }

  /** The latest reading of a running task, at most a second old; undefined before the first. */
  usage(id: string): UsageReading | undefined {
    return this.#running.get(id)?.usage;
  }

  /** Ends every task (SIGKILL for those that do not stop within the grace) and the supervisor. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const id of this.#running.keys()) this.stop(id, graceMs);
    const deadline = Date.now() + graceMs + 2000;
    while (this.#running.size > 0 && this.#supervisor !== undefined && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const supervisor = this.#supervisor;
    if (supervisor === undefined) return;
    const ended = new Promise((resolve) => supervisor.once('exit', resolve));
    if (supervisor.connected) supervisor.disconnect();
    await ended;
  }

  #send(request: SupervisorRequest): void {
    this.#supervisor ??= this.#startSupervisor();
    this.#supervisor.send(request);
  }

  #startSupervisor(): ChildProcess {
    const supervisor = fork(SUPERVISOR, {
      // A group of its own: what ends the cloud's group must not end the one that cleans up behind it.
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    prioritise(supervisor.pid, LAB_NICE);
    if (supervisor.pid !== undefined) void this.#processes.add(supervisor.pid);
    supervisor.on('message', (message) => this.#receive(message as SupervisorReport));
    supervisor.once('exit', () => this.#supervisorEnded(supervisor));
    return supervisor;
  }

  #receive(message: SupervisorReport): void {
    if (message.kind === 'usage') {
      for (const usage of message.tasks) {
        const running = this.#running.get(usage.id);
        if (running !== undefined) running.usage = { ...usage, at: message.at };
      }
      return;
    }
    const running = this.#running.get(message.id);
    if (running === undefined) return;
    switch (message.kind) {
      case 'started':
        running.pid = message.pid;
        void this.#processes.add(message.pid);
        running.watcher.started();
        break;
      case 'output':
        running.watcher.output(message.at, message.lines);
        break;
      case 'exited':
        this.#ended(message.id, running, message);
        break;
    }
  }

  #ended(id: string, running: Running, exit: ExitReport): void {
    this.#running.delete(id);
    if (running.pid !== undefined) this.#processes.remove(running.pid);
    running.watcher.exited(exit);
  }

  /** A supervisor that ends by itself leaves tasks behind, perhaps stopped: nobody else would end them. */
  #supervisorEnded(supervisor: ChildProcess): void {
    if (this.#supervisor === supervisor) this.#supervisor = undefined;
    if (supervisor.pid !== undefined) this.#processes.remove(supervisor.pid);
    if (!this.#closing) this.#log('the task supervisor ended unexpectedly; its tasks are ended too');
    for (const [id, running] of this.#running) {
      if (running.pid !== undefined) {
        try {
          process.kill(-running.pid, 'SIGKILL');
        } catch {
          // It ended together with the supervisor.
        }
      }
      this.#ended(id, running, { exitCode: KILLED, outOfMemory: false });
    }
  }
}
