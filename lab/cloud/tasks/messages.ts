/** What a task's process needs to be started. */
export interface TaskCommand {
  /** Program and arguments; no shell is involved. */
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** 1024 is one core. */
  cpuUnits: number;
  memoryMiB: number;
}

/** From the cloud to the supervisor. */
export type SupervisorRequest =
  | { kind: 'start'; id: string; task: TaskCommand }
  /** A new quota from now on. */
  | { kind: 'limit'; id: string; cpuUnits: number }
  /** SIGTERM now, SIGKILL after `graceMs`. */
  | { kind: 'stop'; id: string; graceMs: number };

/** What a running task has used so far. */
export interface TaskUsage {
  id: string;
  /** CPU milliseconds since it began. */
  cpuMs: number;
  residentBytes: number;
}

/** From the supervisor to the cloud. Times are epoch milliseconds. */
export type SupervisorReport =
  | { kind: 'started'; id: string; pid: number }
  | { kind: 'output'; id: string; at: number; lines: string[] }
  | { kind: 'usage'; at: number; tasks: TaskUsage[] }
  | {
      kind: 'exited';
      id: string;
      /** 128 + signal number for a process that a signal ended, as container runtimes report it. */
      exitCode: number | null;
      outOfMemory: boolean;
      /** Why it could not be started at all. */
      startError?: string;
    };
