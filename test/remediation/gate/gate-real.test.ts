import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { killTree } from '../../../src/infrastructure/pulumi/process-group.ts';
import { unfinished } from '../../../src/remediation/gate/journal.ts';
import { noPulumi, type RealStack, realStack } from '../../infrastructure/pulumi/real-stack.ts';
import { never, quiet, realGate, replacing } from './real-gate.ts';

const PROGRAM = `import * as pulumi from "@pulumi/pulumi";
new pulumi.Stash("size", { input: { cpu: "512", memory: "1024" } });
new pulumi.Stash("hidden", { input: pulumi.secret("hunter2-hunter2") });
`;

/** A resource whose update writes a file and then takes a while, so that an update can be caught in the middle. */
const SLOW = `import * as pulumi from "@pulumi/pulumi";
const provider: pulumi.dynamic.ResourceProvider = {
  async create(inputs) { return { id: "slow", outs: inputs }; },
  async diff(_id, olds, news) { return { changes: olds["size"] !== news["size"] }; },
  async update(_id, _olds, news) {
    require("node:fs").writeFileSync(news["marker"], "here");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    return { outs: news };
  },
};
class Slow extends pulumi.dynamic.Resource {
  constructor(name: string, args: { size: string; marker: string }) { super(provider, name, args); }
}
new Slow("slow", { size: "512", marker: MARKER });
`;

async function deployed(program = PROGRAM) {
  const real = await realStack({ 'index.ts': program });
  await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
  return { real, ...realGate(real) };
}

const text = (real: RealStack, file = 'index.ts') => readFile(join(real.stack.projectDir, file), 'utf8');

async function confirmed({ real, gate }: Pick<Awaited<ReturnType<typeof deployed>>, 'real' | 'gate'>) {
  const proposal = await replacing(real.stack, 'index.ts', '"512"', '"1024"');
  await gate.submit(proposal);
  await gate.approve(proposal.id, proposal.diffSha256);
  await gate.preview(proposal.id, never, quiet);
  await gate.confirm(proposal.id);
  return proposal;
}

describe.runIf(noPulumi === undefined)('the gate on the real CLI', { timeout: 240_000 }, () => {
  test('from a proposal to a changed stack, and back again', async () => {
    const { real, gate, journal } = await deployed();
    const proposal = await replacing(real.stack, 'index.ts', '"512"', '"1024"');
    await gate.submit(proposal);
    await gate.approve(proposal.id, proposal.diffSha256);
    const preview = await gate.preview(proposal.id, never, quiet);
    expect(preview).toMatchObject({
      binding: 'plan',
      summary: { update: 1 },
      needsTypedConfirmation: false,
      steps: [
        {
          name: 'size',
          operation: 'update',
          properties: [{ path: 'input.cpu', before: '512', after: '1024' }],
        },
      ],
    });
    expect(await text(real)).toBe(PROGRAM);
    await gate.confirm(proposal.id);
    await gate.apply(proposal.id, never, quiet);
    expect(gate.views[0]?.state).toBe('applied');
    expect(await text(real)).toBe(PROGRAM.replace('"512"', '"1024"'));
    expect(await real.pulumi('stack', 'export', '--stack', real.stack.fqn)).toContain('"cpu": "1024"');
    expect(gate.recover()).toEqual([]);

    // An approval is for one use.
    await expect(gate.apply(proposal.id, never, quiet)).rejects.toMatchObject({ code: 'refused' });

    const reverse = await gate.rollBack(proposal.id);
    await gate.submit(reverse);
    await gate.approve(reverse.id, reverse.diffSha256);
    await gate.preview(reverse.id, never, quiet);
    await gate.confirm(reverse.id);
    await gate.apply(reverse.id, never, quiet);
    expect(await text(real)).toBe(PROGRAM);
    expect(gate.views.map((view) => view.state)).toEqual(['applied', 'rolled-back']);
    expect(JSON.stringify(journal.read())).not.toContain('hunter2');
  });

  test('what moves between preview and apply is refused by name, and nothing is touched', async () => {
    const { real, gate } = await deployed();
    const first = await confirmed({ real, gate });
    await real.pulumi('config', 'set', 'key', 'value', '--stack', real.stack.fqn);
    await expect(gate.apply(first.id, never, quiet)).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining('Pulumi.dev.yaml'),
    });
    expect(gate.views[0]?.state).toBe('expired');
    expect(await text(real)).toBe(PROGRAM);
    const proposal = await confirmed({ real, gate });
    await real.pulumi(
      'state',
      'delete',
      '--yes',
      `urn:pulumi:dev::trial::pulumi:index:Stash::hidden`,
      '--stack',
      real.stack.fqn,
    );
    await expect(gate.apply(proposal.id, never, quiet)).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining('state was changed'),
    });
    expect(await real.pulumi('stack', 'export', '--stack', real.stack.fqn)).toContain('"cpu": "512"');
  });

  test("a program that does not compile ends the preview with the compiler's words, in names of the original", async () => {
    const { real, gate } = await deployed();
    const proposal = await replacing(real.stack, 'index.ts', '"512"', 'undeclared');
    await gate.submit(proposal);
    await gate.approve(proposal.id, proposal.diffSha256);
    const previewing = gate.preview(proposal.id, never, quiet);
    await expect(previewing).rejects.toMatchObject({
      code: 'program-error',
      message: expect.stringMatching(/index\.ts.*undeclared/),
    });
    expect(gate.views[0]).toMatchObject({ state: 'failed', preview: null });
    expect(gate.views[0]?.problem?.message).not.toContain('plumbline-preview-');
    expect(await text(real)).toBe(PROGRAM);
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('plumbline-preview-'))).toEqual([]);
  });

  test('a locked stack is said with its holder and the way out, and the files are put back', async () => {
    const { real, gate } = await deployed();
    const proposal = await confirmed({ real, gate });
    const locks = join(real.root, 'state', '.pulumi', 'locks', 'organization', 'trial', 'dev');
    await mkdir(locks, { recursive: true });
    const lock = { pid: 4242, username: 'ada', hostname: 'engine', timestamp: '2026-01-01T00:00:00Z' };
    await writeFile(join(locks, '0b3c6dd6-0000-4000-8000-000000000000.json'), JSON.stringify(lock));
    await expect(gate.apply(proposal.id, never, quiet)).rejects.toMatchObject({
      code: 'stack-locked',
      message: expect.stringContaining('ada@engine (pid 4242)'),
      nextStep: expect.stringContaining(`pulumi cancel --stack ${real.stack.fqn}`),
    });
    expect(await text(real)).toBe(PROGRAM);
    expect(gate.views[0]?.state).toBe('failed');
  });

  test('an update that is killed in the middle leaves words, a lock that is named, and a journal that knows', async () => {
    const real = await realStack({});
    const marker = join(real.root, 'marker');
    await real.write('index.ts', SLOW.replace('MARKER', JSON.stringify(marker)));
    await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
    const { gate, journal } = realGate(real);
    const proposal = await confirmed({ real, gate });
    const applying = gate.apply(proposal.id, never, quiet).catch((thrown: unknown) => thrown);
    while (!existsSync(marker)) await delay(100);
    const started = journal.read().find((record) => record.event === 'update-started');
    const pid = started?.event === 'update-started' ? started.pid : 0;
    // Under way in this very window, and cut off for one that comes after it.
    expect(gate.recover()).toEqual([]);
    expect(unfinished(journal.read(), () => false)).toMatchObject([
      { message: expect.stringContaining('under way') },
    ]);
    await killTree(pid);
    expect(await applying).toMatchObject({ message: expect.stringContaining('The files stay as approved') });
    expect(await text(real)).toContain('"1024"');
    expect(gate.views[0]?.state).toBe('failed');

    // The next attempt meets the lock that the killed update left.
    const reverse = await gate.rollBack(proposal.id);
    await gate.submit(reverse);
    await gate.approve(reverse.id, reverse.diffSha256);
    await gate.preview(reverse.id, never, quiet);
    await gate.confirm(reverse.id);
    await expect(gate.apply(reverse.id, never, quiet)).rejects.toMatchObject({ code: 'stack-locked' });
  });

  test('protection that is taken off is shown, and wants the name typed', async () => {
    const { real, gate } = await deployed(PROGRAM.replace('" } });', '" } }, { protect: true });'));
    const proposal = await replacing(real.stack, 'index.ts', 'protect: true', 'protect: false');
    await gate.submit(proposal);
    await gate.approve(proposal.id, proposal.diffSha256);
    expect(await gate.preview(proposal.id, never, quiet)).toMatchObject({
      needsTypedConfirmation: true,
      steps: [{ name: 'size', properties: [{ path: 'protect', before: 'true', after: 'false' }] }],
    });
    await expect(gate.confirm(proposal.id)).rejects.toMatchObject({ code: 'refused' });
  });

  test('a cancelled preview leaves nothing behind', async () => {
    const { real, gate } = await deployed();
    const proposal = await replacing(real.stack, 'index.ts', '"512"', '"1024"');
    await gate.submit(proposal);
    await gate.approve(proposal.id, proposal.diffSha256);
    const stop = new AbortController();
    const previewing = gate.preview(proposal.id, stop.signal, (label) => {
      if (label.includes('pulumi preview')) setTimeout(() => stop.abort(), 300);
    });
    await expect(previewing).rejects.toMatchObject({ code: 'cancelled' });
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('plumbline-plan-'))).toEqual([]);
    expect(gate.views[0]?.state).toBe('failed');
    await gate.approve(proposal.id, proposal.diffSha256);
    expect(gate.views[0]?.state).toBe('approved');
  });
});

if (noPulumi !== undefined) test('the gate on the real CLI', (ctx) => ctx.skip(`Pulumi CLI: ${noPulumi}`));
