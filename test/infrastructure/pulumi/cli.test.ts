import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { childEnvironment, PulumiCli } from '../../../src/infrastructure/pulumi/cli.ts';
import { problemOfRun } from '../../../src/infrastructure/pulumi/cli-problems.ts';
import { runInGroup } from '../../../src/infrastructure/pulumi/process-group.ts';
import { plainText, redactor } from '../../../src/infrastructure/pulumi/redact.ts';

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-cli-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs a Node program in place of the CLI. */
function node(program: string, over: Partial<Parameters<typeof runInGroup>[0]> = {}) {
  return runInGroup({
    command: process.execPath,
    args: ['-e', program],
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '' },
    graceMs: 300,
    stdoutCap: 1000,
    ...over,
  });
}

describe('a run', () => {
  test('gives what was printed, line by line too, and cuts what is too much', async () => {
    const lines: string[] = [];
    const done = await node(
      'console.log("one\\ntwo"); process.stdout.write("three"); console.error("bad"); process.exit(3)',
      { onLine: (line) => lines.push(line) },
    );
    expect(done).toMatchObject({
      exitCode: 3,
      stdout: 'one\ntwo\nthree',
      stderr: 'bad\n',
      cancelled: false,
      truncated: false,
    });
    expect(lines).toEqual(['one', 'two', 'three']);
    expect(await node('console.log("x".repeat(5000))')).toMatchObject({ truncated: true });
  });

  test('is interrupted once when cancelled, so that it can end well', async () => {
    const stop = new AbortController();
    const done = node(
      'process.on("SIGINT", () => { console.log("ended well"); process.exit(0) }); console.log("up"); setInterval(() => {}, 1000)',
      {
        signal: stop.signal,
        graceMs: 20_000,
        onLine: (line) => line === 'up' && stop.abort(),
      },
    );
    expect(await done).toMatchObject({ cancelled: true, stdout: 'up\nended well\n' });
  });

  test('ends with all its descendants, groups of their own too, when it will not', async () => {
    const file = join(await folder(), 'pid');
    const stop = new AbortController();
    const program = `process.on("SIGINT", () => {});
      const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
      require("node:fs").writeFileSync(${JSON.stringify(file)}, String(child.pid));
      console.log("up"); setInterval(() => {}, 1000)`;
    const done = node(program, { signal: stop.signal, onLine: (line) => line === 'up' && stop.abort() });
    expect(await done).toMatchObject({ cancelled: true, killedBy: 'SIGKILL' });
    const child = Number(await readFile(file, 'utf8'));
    await vi.waitFor(async () => expect(await running(child)).toBe(false), { timeout: 10_000 });
  });

  test('does not start where the signal is aborted already', async () => {
    const file = join(await folder(), 'started');
    const done = await node(`require("node:fs").writeFileSync(${JSON.stringify(file)}, "")`, {
      signal: AbortSignal.abort(),
    });
    expect(done.cancelled).toBe(true);
    await expect(readFile(file)).rejects.toThrow();
  });
});

/** Whether a process runs; one that has ended and waits for its parent to ask does not. */
async function running(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) Z /.test(status);
}

describe('the environment and the texts', () => {
  test('agents’ variables do not reach the CLI', () => {
    const given = {
      CLAUDECODE: '1',
      CLAUDE_CODE_X: '1',
      CURSOR_AGENT: '1',
      AI_AGENT: '1',
      GEMINI_CLI: '1',
      CODEX_HOME: '1',
      COPILOT_X: '1',
      KEEP: '1',
      GONE: undefined,
    };
    expect(childEnvironment(given)).toEqual({ KEEP: '1', PULUMI_SKIP_UPDATE_CHECK: 'true', NO_COLOR: '1' });
  });

  test('secrets of the environment do not reach a message', async () => {
    const dir = await folder();
    const fake = join(dir, 'pulumi');
    await writeFile(
      fake,
      '#!/bin/sh\necho "error: token $PULUMI_ACCESS_TOKEN at https://ada:pw@x.io is wrong" >&2; exit 1\n',
      { mode: 0o755 },
    );
    const cli = new PulumiCli(
      { command: fake, env: { PULUMI_ACCESS_TOKEN: 'very-secret-token', PATH: process.env['PATH'] } },
      ['version'],
    );
    const failure = await cli.run(['version'], { cwd: dir }).catch((thrown: Error) => thrown);
    expect(failure).toMatchObject({ name: 'Problem', message: expect.stringContaining('[secret]') });
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/very-secret-token|ada:pw/);
    expect(redactor({ HOME: 'abcdefgh' })('abcdefgh')).toBe('abcdefgh');
  });

  test('control and direction characters do not reach a person', () => {
    expect(plainText('a\u001b[31mb\u001b]0;title\u0007c\u202ed\r\ne\u0000', 100)).toBe('abcd\ne');
    expect(plainText('x'.repeat(50), 10)).toHaveLength(10);
  });
});

describe('what a failed run means', () => {
  const run = (over: object) =>
    problemOfRun({
      command: ['up'],
      stack: 'o/p/s',
      exitCode: 1,
      cancelled: false,
      stdout: '',
      stderr: '',
      ...over,
    });
  const json = (message: string) =>
    JSON.stringify({ steps: [{ urn: 'TypeError' }], diagnostics: [{ message, severity: 'error' }] });

  test.each([
    [{ cancelled: true }, 'cancelled', /cancelled/],
    [{ exitCode: 6 }, 'no-stack', /no stack o\/p\/s/],
    [{ stderr: "error: no stack named 'x' found" }, 'no-stack', /no stack/],
    [
      { stderr: 'error: [409] Conflict: Another update is currently in progress.' },
      'stack-locked',
      /another update/,
    ],
    [{ exitCode: 3, stderr: 'error: invalid access token' }, 'unauthorized', /invalid access token/],
    [
      { stderr: 'error: getting secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE' },
      'unauthorized',
      /passphrase/,
    ],
    [
      { stdout: json("TSError: ⨯ Unable to compile TypeScript:\nindex.ts(2,7): error TS2322: Type 'A'.") },
      'program-error',
      /index\.ts\(2,7\): error TS2322/,
    ],
    [{ stdout: json('Error: boom'), stderr: '' }, 'internal', /boom/],
    [{ stdout: json("error: Missing required configuration variable 'p:nope'") }, 'bad-input', /p:nope/],
    [{ stderr: 'error: resource urn:x violates plan: properties changed: ~~cpu' }, 'stale', /violates plan/],
    [{ stderr: 'error: no Pulumi.yaml project file found' }, 'not-found', /no Pulumi project/],
    [{}, 'internal', /gave no reason/],
  ] as const)('%j', (over, code, message) => {
    const problem = run(over);
    expect(problem).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(problem.nextStep).not.toBe('');
  });
});
