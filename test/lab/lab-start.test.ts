import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startLab } from '../../lab/lab.ts';
import { endMarkedProcesses } from '../../lab/processes.ts';
import { readToolchain } from '../../lab/setup/toolchain.mjs';

const toolchain = await readToolchain();
const silent = (): void => {};

/** The folder of the run that this process has started; other labs may run at the same time. */
async function ownRun(): Promise<string | undefined> {
  const labDir = fileURLToPath(new URL('../../.lab', import.meta.url));
  for (const id of await readdir(labDir)) {
    const owner = JSON.parse(await readFile(join(labDir, id, 'run.json'), 'utf8'));
    if (owner.pid === process.pid) return join(labDir, id);
  }
  return undefined;
}

/** Whether an update of the run's stack is under way: the engine holds its lock then. */
async function isUpdating(dir: string): Promise<boolean> {
  return (
    (await readdir(join(dir, 'state', '.pulumi', 'locks'), { recursive: true }).catch(() => [])).length > 0
  );
}

describe('the lab', () => {
  test('without a Pulumi CLI is a Problem that says how to get one', async () => {
    const bare = { node: process.execPath, skipped: [{ name: 'Pulumi CLI', reason: 'no network' }] };
    await expect(startLab({ scenario: 'healthy', toolchain: bare, log: silent })).rejects.toMatchObject({
      code: 'pulumi-missing',
      message: expect.stringContaining('no network'),
    });
  });

  test('comes up, gathers telemetry of both phases and leaves nothing behind', {
    timeout: 180_000,
  }, async (ctx) => {
    if (toolchain.pulumi === undefined) ctx.skip('startLab: there is no Pulumi CLI');
    const lab = await startLab({
      scenario: 'healthy',
      toolchain,
      log: silent,
      baselineSeconds: 4,
      incidentSeconds: 4,
    });
    try {
      expect(lab.stackFqn).toBe('organization/otel-ai-chatbot-infra/lab');
      expect(lab.env).not.toHaveProperty('PULUMI_ACCESS_TOKEN');
      const fractions: number[] = [];
      await lab.waitForTelemetry((_text, fraction) => fractions.push(fraction));
      expect(fractions.at(-1)).toBe(1);
      const answer = await fetch(`${lab.serviceUrl}/api/chat`, {
        method: 'POST',
        body: JSON.stringify({ message: 'Are you there?' }),
      });
      expect(answer.status).toBe(200);
      const headers = { 'x-honeycomb-team': lab.env['HONEYCOMB_API_KEY'] ?? '' };
      const datasets = await fetch(`${lab.collectorUrl}/1/datasets`, { headers });
      expect(await datasets.text()).toContain('otel-ai-chatbot');
    } finally {
      await lab.close();
    }
    await lab.close(); // Once more does no harm.
    expect(await stat(lab.dir).catch(() => undefined)).toBeUndefined();
    expect(await endMarkedProcesses(lab.dir)).toBe(0);
    await expect(fetch(`${lab.serviceUrl}/healthz`)).rejects.toThrow();
  });

  test('that is stopped while Pulumi works leaves nothing behind', { timeout: 120_000 }, async (ctx) => {
    if (toolchain.pulumi === undefined) ctx.skip('startLab: there is no Pulumi CLI');
    const abort = new AbortController();
    let dir: string | undefined;
    const log = async (line: string): Promise<void> => {
      if (!line.includes('stack made')) return;
      dir = await ownRun();
      await expect.poll(() => isUpdating(dir ?? ''), { timeout: 60_000 }).toBe(true);
      abort.abort();
    };
    const starting = startLab({ scenario: 'healthy', toolchain, log, signal: abort.signal });
    await expect(starting).rejects.toMatchObject({ code: 'cancelled' });
    expect(dir).toBeDefined();
    expect(await stat(dir ?? '').catch(() => undefined)).toBeUndefined();
    expect(await endMarkedProcesses(dir ?? '')).toBe(0);
  });
});
