import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endMarkedProcesses, RUN_MARK, runToEnd, startServer } from '../../lab/processes.ts';
import { createRun, removeRun, sweepRuns } from '../../lab/runs.ts';
import { copyProgram, writeSettings } from '../../lab/workspace.ts';
import { Problem } from '../../src/problem.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-runs-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const never = new AbortController().signal;
const node = (script: string, env: Record<string, string> = {}) => ({
  name: 'test server',
  file: process.execPath,
  args: ['-e', script],
  env: { PATH: process.env['PATH'] ?? '', ...env },
});

/** A process that was killed and that nobody has reaped yet does not live. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z]/.test(stdout.trim());
}

describe('runs', () => {
  test('one whose process lives is left alone', async () => {
    const run = await createRun(dir);
    await sweepRuns(dir, () => {});
    expect(await stat(run)).toBeDefined();
  });

  test('one whose process is gone is removed, its processes ended', async () => {
    const run = await createRun(dir);
    // A stopped process, as a task that is held to its quota may be when everything around it was killed.
    const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { [RUN_MARK]: run },
      stdio: 'ignore',
      detached: true,
    });
    const exited = once(orphan, 'exit');
    orphan.kill('SIGSTOP');
    // The same process id, but a process that began at another time: the id was used again.
    const owner = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'));
    await writeFile(join(run, 'run.json'), JSON.stringify({ ...owner, stamp: '1' }));
    const said: string[] = [];
    await sweepRuns(dir, (line) => said.push(line));
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(await readdir(dir).catch(() => [])).toEqual([]);
    expect(said.join()).toContain('ended 1 of its processes');
  });

  test('one that was killed while it was being made is removed', async () => {
    await mkdir(join(dir, '20200101T000000-abcdef'));
    await sweepRuns(dir, () => {});
    expect(await readdir(dir).catch(() => [])).toEqual([]);
  });

  test('ending one run leaves the processes of another alone', async () => {
    const [mine, others] = [await createRun(dir), await createRun(dir)];
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { [RUN_MARK]: others },
      stdio: 'ignore',
    });
    await once(other, 'spawn');
    await removeRun(mine);
    expect(isAlive(other.pid ?? 0)).toBe(true);
    expect(await endMarkedProcesses(others)).toBe(1);
  });
});

describe('servers of the lab', () => {
  const listening = `console.log(JSON.stringify({ url: 'http://127.0.0.1:1' })); process.stdin.resume();
    setInterval(() => {}, 1000);`;

  test('are up when they have said where, and stop when they are asked', async () => {
    const server = await startServer(node(listening), never);
    expect(server.url).toBe('http://127.0.0.1:1');
    await server.stop(5_000);
  });

  test('take their children with them, even those that do not listen to signals', async () => {
    const deaf = `process.on('SIGTERM', () => {}); const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      console.log(JSON.stringify({ url: 'http://127.0.0.1:' + child.pid })); setInterval(() => {}, 1000);`;
    const server = await startServer(node(deaf), never);
    const child = Number(server.url.split(':').at(-1));
    expect(isAlive(child)).toBe(true);
    await server.stop(100);
    await expect.poll(() => isAlive(child)).toBe(false);
  });

  test('that fail to start are a Problem with their last words', async () => {
    const starting = startServer(node(`console.error('the port is taken'); process.exit(1)`), never);
    await expect(starting).rejects.toThrow(Problem);
    await expect(starting).rejects.toThrow(/test server did not start: the port is taken/);
  });

  test('are ended when the start is aborted', async () => {
    const abort = new AbortController();
    const starting = startServer(node('setInterval(() => {}, 1000)', { [RUN_MARK]: dir }), abort.signal);
    abort.abort();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => endMarkedProcesses(dir)).toBe(0);
  });
});

describe('commands', () => {
  test('give their output and exit code', async () => {
    const done = await runToEnd(
      node(`console.log('out'); console.error('err'); process.exitCode = 3`),
      never,
    );
    expect(done).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  test('are interrupted when the signal fires', async () => {
    const abort = new AbortController();
    const running = runToEnd(node('setInterval(() => {}, 1000)'), abort.signal);
    abort.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the workspace', () => {
  test('is a copy whose provider is found from anywhere', async () => {
    const program = join(dir, 'program');
    await mkdir(join(program, 'node_modules', 'left-out'), { recursive: true });
    await writeFile(join(program, 'index.ts'), '// the program\n');
    await writeFile(
      join(program, 'Pulumi.yaml'),
      'name: infra # its name\nruntime: nodejs\nplugins:\n  providers:\n    - name: aws\n      path: ../provider\n',
    );
    const workspace = join(dir, 'workspace');
    expect(await copyProgram(program, workspace)).toBe('infra');
    const project = await readFile(join(workspace, 'Pulumi.yaml'), 'utf8');
    expect(project).toContain(`path: ${join(dir, 'provider')}`);
    expect(project).toContain('# its name');
    expect(await readFile(join(workspace, 'index.ts'), 'utf8')).toBe('// the program\n');

    await writeSettings(workspace, { collectorUrl: 'http://127.0.0.1:1', verifySeconds: 30 });
    const settings = JSON.parse(await readFile(join(workspace, '.vscode', 'settings.json'), 'utf8'));
    expect(settings['plumbline.honeycomb.apiUrl']).toBe('http://127.0.0.1:1');
  });

  test('cannot be made from a folder without a project', async () => {
    await mkdir(join(dir, 'program'));
    await expect(copyProgram(join(dir, 'program'), join(dir, 'workspace'))).rejects.toThrow(/no Pulumi.yaml/);
  });
});
