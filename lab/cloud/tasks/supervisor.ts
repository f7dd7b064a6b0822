/**
 * Runs the tasks' processes and holds each to its CPU quota and memory limit. A process of its own, started by TaskRunner:
 * the cloud's other work (proxying, answering calls) must not make its ticks late, and it outlives a killed cloud just long
 * enough to end the tasks, which could not do that themselves while they are stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { LAB_NICE, prioritise } from '../../priority.ts';
import { CpuQuota, PERIOD_MS } from './cpu-quota.ts';
import type { SupervisorReport, SupervisorRequest, TaskCommand } from './messages.ts';
import { usageReader } from './process-usage.ts';

const REPORT_MS = 1000;
const MEMORY_MS = 250;
const MAX_LINE_CHARACTERS = 16_384;

interface Supervised {
  readonly id: string;
  readonly pid: number;
  readonly child: ChildProcess;
  quota: CpuQuota;
  readonly memoryLimitBytes: number;
  cpuMs: number;
  residentBytes: number;
  stopped: boolean;
  outOfMemory: boolean;
}

const reader = usageReader();
const tasks = new Map<string, Supervised>();

function report(message: SupervisorReport): void {
  if (process.connected) process.send?.(message);
}

/** Signals the whole process group; false once nobody is left in it. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function start(id: string, command: TaskCommand): void {
  const [program = '', ...args] = command.command;
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: command.env,
    // A group of its own, so that a signal reaches the task and its children and nothing else.
    detached: true,
    // stdin stays open as long as this process lives: a task that watches it notices when nobody looks after it any more.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.once('error', (error) => {
    if (child.pid === undefined) {
      report({ kind: 'exited', id, exitCode: null, outOfMemory: false, startError: error.message });
    }
  });
  const { pid } = child;
  if (pid === undefined) return;
  prioritise(pid, LAB_NICE);
  child.stdin?.on('error', () => {}); // The task closed its end first: nothing is ever written to it.
  const task: Supervised = {
    id,
    pid,
    child,
    quota: new CpuQuota(command.cpuUnits),
    memoryLimitBytes: command.memoryMiB * 1024 * 1024,
    cpuMs: 0,
    residentBytes: 0,
    stopped: false,
    outOfMemory: false,
  };
  tasks.set(id, task);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      report({ kind: 'output', id, at: Date.now(), lines: [line.slice(0, MAX_LINE_CHARACTERS)] });
    });
  }
  child.once('exit', (code, signal) => {
    tasks.delete(id);
    signalGroup(pid, 'SIGKILL'); // What the task itself started must not outlive it.
    const exitCode = signal === null ? code : 128 + constants.signals[signal];
    report({ kind: 'exited', id, exitCode, outOfMemory: task.outOfMemory });
  });
  report({ kind: 'started', id, pid });
}

function stop(id: string, graceMs: number): void {
  const task = tasks.get(id);
  if (task === undefined) return;
  signalGroup(task.pid, 'SIGTERM');
  const deadline = setTimeout(() => signalGroup(task.pid, 'SIGKILL'), graceMs);
  task.child.once('exit', () => clearTimeout(deadline));
}

/** What was overdrawn under the old quota is forgiven. */
function limit(id: string, cpuUnits: number): void {
  const task = tasks.get(id);
  if (task !== undefined) task.quota = new CpuQuota(cpuUnits);
}

function killAll(): void {
  for (const { pid } of tasks.values()) signalGroup(pid, 'SIGKILL');
}

/** Charges what each task has used and lets those run that have credit. */
async function enforceQuota(periodsBegun: number): Promise<void> {
  const cpuMs = await reader.cpuMs(Array.from(tasks.values(), (task) => task.pid));
  for (const task of tasks.values()) {
    const used = cpuMs.get(task.pid);
    if (used === undefined) continue;
    task.quota.charge(used - task.cpuMs);
    task.cpuMs = used;
    task.quota.refill(periodsBegun);
    if (task.quota.mayRun === !task.stopped) continue;
    task.stopped = !task.stopped;
    signalGroup(task.pid, task.stopped ? 'SIGSTOP' : 'SIGCONT');
  }
}

async function enforceMemory(): Promise<void> {
  const residentBytes = await reader.residentBytes(Array.from(tasks.values(), (task) => task.pid));
  for (const task of tasks.values()) {
    task.residentBytes = residentBytes.get(task.pid) ?? task.residentBytes;
    if (task.residentBytes <= task.memoryLimitBytes) continue;
    task.outOfMemory = true;
    signalGroup(task.pid, 'SIGKILL');
  }
}

function reportUsage(): void {
  const usage = Array.from(tasks.values(), ({ id, cpuMs, residentBytes }) => ({ id, cpuMs, residentBytes }));
  report({ kind: 'usage', at: Date.now(), tasks: usage });
}

/** True each time another `everyMs` has begun since the origin, and by how many of them. */
function metronome(everyMs: number): (nowMs: number) => number {
  let last = 0;
  return (nowMs) => {
    const count = Math.floor(nowMs / everyMs);
    const begun = count - last;
    last = count;
    return begun;
  };
}

const periods = metronome(PERIOD_MS);
const memoryChecks = metronome(MEMORY_MS);
const reports = metronome(REPORT_MS);
const origin = performance.now();

async function tick(): Promise<void> {
  const now = performance.now() - origin;
  await enforceQuota(periods(now));
  if (memoryChecks(now) > 0) await enforceMemory();
  if (reports(now) > 0) reportUsage();
}

function loop(): void {
  tick().then(
    () => setTimeout(loop, reader.tickMs),
    (error: unknown) => {
      // A quota that is not enforced would falsify everything measured: better no tasks than unbound ones.
      process.stderr.write(`task supervisor: ${String(error)}\n`);
      killAll();
      process.exit(1);
    },
  );
}

process.on('message', (message) => {
  const request = message as SupervisorRequest;
  switch (request.kind) {
    case 'start':
      start(request.id, request.task);
      break;
    case 'limit':
      limit(request.id, request.cpuUnits);
      break;
    case 'stop':
      stop(request.id, request.graceMs);
      break;
  }
});
process.on('disconnect', () => {
  killAll();
  process.exit(0);
});
process.on('SIGTERM', () => {
  killAll();
  process.exit(0);
});
loop();
