import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { TaskCommand } from '../../lab/cloud/tasks/messages.ts';
import { processStamp } from '../../lab/cloud/tasks/process-usage.ts';
import { type ExitReport, TaskRunner } from '../../lab/cloud/tasks/runner.ts';
import { endStrayProcesses, ProcessFile } from '../../lab/cloud/tasks/strays.ts';
import { TASK, temporaryDir, until } from './cloud-fixture.ts';

const RUNNER_PROCESS = fileURLToPath(new URL('cloud-runner-process.ts', import.meta.url));
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function directory(): string {
  const dir = temporaryDir();
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function runner(dir = directory()): Promise<TaskRunner> {
  const made = new TaskRunner(await ProcessFile.claim(dir, () => {}), () => {});
  cleanups.push(() => made.close(2000));
  return made;
}

function command(
  env: Record<string, string>,
  size: { cpuUnits?: number; memoryMiB?: number } = {},
): TaskCommand {
  return {
    command: [process.execPath, TASK],
    cwd: process.cwd(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    cpuUnits: 1024,
    memoryMiB: 1024,
    ...size,
  };
}

interface Watched {
  lines: string[];
  started: Promise<void>;
  exited: Promise<ExitReport>;
}

function start(tasks: TaskRunner, id: string, task: TaskCommand): Watched {
  const lines: string[] = [];
  let tellStarted = (): void => {};
  let tellExited = (_: ExitReport): void => {};
  const watched: Watched = {
    lines,
    started: new Promise((resolve) => {
      tellStarted = resolve;
    }),
    exited: new Promise((resolve) => {
      tellExited = resolve;
    }),
  };
  tasks.start(id, task, {
    started: tellStarted,
    output: (_, more) => lines.push(...more),
    exited: tellExited,
  });
  return watched;
}

/** Share of a core that a running task used over some seconds. */
async function share(tasks: TaskRunner, id: string, overMs: number): Promise<number> {
  // The first second is the process's own start.
  const from = await until('a first reading', () => {
    const usage = tasks.usage(id);
    return usage !== undefined && usage.cpuMs > 200 && usage;
  });
  const to = await until('a later reading', () => {
    const usage = tasks.usage(id);
    return usage !== undefined && usage.at - from.at >= overMs && usage;
  });
  return (to.cpuMs - from.cpuMs) / (to.at - from.at);
}

test.each([
  ['one thread at a quarter of a core', '0', 256, 0.25],
  ['three threads at half a core', '2', 512, 0.5],
])('a busy task is held to its quota: %s', async (_, workers, cpuUnits, quota) => {
  const tasks = await runner();
  start(tasks, 'busy', command({ BUSY: 'yes', BUSY_WORKERS: workers }, { cpuUnits }));
  const used = await share(tasks, 'busy', 5000);
  expect(used).toBeLessThan(quota * 1.12);
  // Less only where the machine had no more to give: others run beside the test.
  expect(used).toBeGreaterThan(quota * 0.5);
});

test('a task on a bad host gets less than its reservation, until it is given back', async () => {
  const tasks = await runner();
  start(tasks, 'busy', command({ BUSY: 'yes' }, { cpuUnits: 768 }));
  tasks.limit('busy', 102);
  expect(await share(tasks, 'busy', 3000)).toBeLessThan(0.15);
  tasks.limit('busy', 768);
  // Others run beside the test: all that is sure is that it gets more.
  expect(await share(tasks, 'busy', 3000)).toBeGreaterThan(0.2);
});

test('an idle task uses next to nothing and is asked to end', async () => {
  const tasks = await runner();
  const task = start(tasks, 'idle', command({ PORT: '0' }));
  await until('its first line', () => task.lines.some((line) => line.startsWith('listening')));
  tasks.stop('idle', 5000);
  expect(await task.exited).toMatchObject({ exitCode: 0, outOfMemory: false });
  expect(task.lines).toContain('ERROR draining');
});

test('a task that does not end when asked is killed after its grace', async () => {
  const tasks = await runner();
  const task = start(tasks, 'deaf', command({ BUSY: 'yes' }));
  await until('its loop', () => (tasks.usage('deaf')?.cpuMs ?? 0) > 300);
  tasks.stop('deaf', 300);
  expect(await task.exited).toMatchObject({ exitCode: 137, outOfMemory: false });
});

test('a task over its memory is killed with 137 and said to be out of memory', async () => {
  const tasks = await runner();
  const task = start(tasks, 'greedy', command({ GROW_MIB: '20' }, { memoryMiB: 200 }));
  expect(await task.exited).toMatchObject({ exitCode: 137, outOfMemory: true });
});

test('a command that is not there is a failed start', async () => {
  const tasks = await runner();
  const task = start(tasks, 'none', { ...command({}), command: ['/nonexistent/program'] });
  expect(await task.exited).toMatchObject({ exitCode: null, startError: expect.stringMatching(/ENOENT/) });
});

test('a killed supervisor takes its tasks with it, and the next task gets a new one', async () => {
  const dir = directory();
  const tasks = await runner(dir);
  const first = start(tasks, 'first', command({ BUSY: 'yes' }, { cpuUnits: 64 }));
  await first.started;
  const groups = await until('both on record', () => {
    const found = recordedGroups(dir);
    return found.length === 2 && found;
  });
  process.kill(groups[0] ?? 0, 'SIGKILL'); // The supervisor is the first to be started.
  expect(await first.exited).toMatchObject({ exitCode: 137 });
  await until('the task to be gone', async () => (await processStamp(groups[1] ?? 0)) === undefined);
  const second = start(tasks, 'second', command({}));
  await second.started;
});

function recordedGroups(dir: string): number[] {
  const { groups } = JSON.parse(readFileSync(join(dir, 'processes.json'), 'utf8')) as {
    groups: Record<string, string>;
  };
  return Object.keys(groups).map(Number);
}

/** A process that runs a busy task at 1/16 of a core, so that it is stopped nearly all the time. */
async function runnerProcess(dir: string): Promise<{ process: ChildProcess; groups: number[] }> {
  const child = spawn(process.execPath, [RUNNER_PROCESS, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await endStrayProcesses(dir);
  });
  await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const groups = recordedGroups(dir);
  expect(groups).toHaveLength(2);
  return { process: child, groups };
}

async function allGone(groups: readonly number[]): Promise<boolean> {
  const stamps = await Promise.all(groups.map(processStamp));
  return stamps.every((stamp) => stamp === undefined);
}

test('nothing outlives a cloud that is killed, stopped tasks neither', async () => {
  const { process: child, groups } = await runnerProcess(directory());
  child.kill('SIGKILL');
  await until('supervisor and task to be gone', () => allGone(groups));
});

test('what a cloud and its supervisor leave behind when both are killed is ended by the file', async () => {
  const dir = directory();
  const { process: child, groups } = await runnerProcess(dir);
  // Stopped first, so that the supervisor cannot notice the other's death.
  process.kill(groups[0] ?? 0, 'SIGSTOP');
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  process.kill(groups[0] ?? 0, 'SIGKILL');
  expect(await allGone(groups.slice(1))).toBe(false);
  expect(await endStrayProcesses(dir)).toContain(groups[1]);
  await until('the task to be gone', () => allGone(groups));
});

test('two clouds do not share a directory', async () => {
  const dir = directory();
  await runnerProcess(dir);
  await expect(ProcessFile.claim(dir, () => {})).rejects.toThrow(/another emulated cloud/);
});
