import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Problem } from '../../../src/problem.ts';
import { PulumiUpdates } from '../../../src/remediation/gate/pulumi-updates.ts';

/** Stands in for the CLI: it says that it runs and goes on until it is interrupted. */
const ENDLESS = `#!/bin/sh
trap 'exit 130' INT
while :; do sleep 0.1; done
`;

test('an update whose start can not be written down is ended, and says so', async (ctx) => {
  if (process.platform === 'win32') return ctx.skip('sh: not on Windows');
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-updates-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const command = join(dir, 'pulumi');
  await writeFile(command, ENDLESS, { mode: 0o700 });
  let pid = 0;
  const outcome = await new PulumiUpdates({ command, env: process.env }).update({
    stack: {
      fqn: 'organization/trial/dev',
      project: 'trial',
      name: 'dev',
      backend: 'file:///x',
      projectDir: dir,
    },
    planFile: null,
    dir,
    signal: new AbortController().signal,
    onStart: (started) => {
      pid = started;
      throw new Problem('internal', 'Disk full.', 'Free some space.');
    },
    onResource: () => {},
  });
  expect(outcome).toMatchObject({ problem: { message: 'Disk full.' }, started: false, events: [] });
  expect(pid).toBeGreaterThan(0);
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});
