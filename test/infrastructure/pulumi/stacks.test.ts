import { describe, expect, test } from 'vitest';
import { locateProperty } from '../../../src/infrastructure/pulumi/program/locate.ts';
import { PulumiReader } from '../../../src/infrastructure/pulumi/reader.ts';
import { PulumiStacks } from '../../../src/infrastructure/pulumi/stacks.ts';
import { noPulumi, realStack } from './real-stack.ts';

const PROGRAM = `import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
const size = config.get("size") ?? "512";
const shown = new pulumi.Stash("shown", { input: { cpu: size } });
const hidden = new pulumi.Stash("hidden", { input: pulumi.secret("hunter2-hunter2") });
`;

describe.runIf(noPulumi === undefined)('stacks, read with the real CLI', { timeout: 180_000 }, () => {
  test('finds the stack, reads its resources, masks secrets and leads to the source', async () => {
    const real = await realStack({ 'index.ts': PROGRAM });
    await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
    const source = new PulumiStacks({ ...real.settings, folders: [real.root] });
    const stacks = await source.stacks();
    expect(stacks).toEqual([real.stack]);

    const snapshot = await source.snapshot(real.stack);
    const shown = snapshot.resources.find((one) => one.name === 'shown');
    expect(shown).toMatchObject({
      type: 'pulumi:index:Stash',
      inputs: { input: { cpu: '512' } },
      source: { file: 'index.ts', line: 4, column: 15 },
    });
    expect(snapshot.resources.find((one) => one.name === 'hidden')?.inputs).toEqual({ input: '[secret]' });
    expect(JSON.stringify(snapshot)).not.toContain('hunter2');
    expect(snapshot.pendingOperations).toEqual([]);

    const place = await locateProperty({ snapshot, urn: shown?.urn ?? '', property: 'input' }).catch(
      (e) => e,
    );
    expect(place).toMatchObject({ code: 'unsupported' });

    const [update] = await source.updates(real.stack, 5);
    expect(update).toMatchObject({ kind: 'update', result: 'succeeded', changes: { create: 3 } });
    expect((update?.end ?? 0) >= (update?.start ?? Number.POSITIVE_INFINITY)).toBe(true);
  });

  test('the digest stays when nothing changes and moves when something does', async () => {
    const real = await realStack({ 'index.ts': PROGRAM });
    const source = new PulumiStacks({ ...real.settings, folders: [real.root] });
    const empty = (await source.snapshot(real.stack)).digest;
    await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
    const first = (await source.snapshot(real.stack)).digest;
    await real.write('index.ts', `// a line above\n${PROGRAM}`);
    await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
    const same = (await source.snapshot(real.stack)).digest;
    await real.pulumi('config', 'set', 'size', '1024', '--stack', real.stack.fqn);
    await real.pulumi('up', '--yes', '--stack', real.stack.fqn);
    const changed = (await source.snapshot(real.stack)).digest;
    expect(first).not.toBe(empty);
    expect(same).toBe(first);
    expect(changed).not.toBe(first);
  });

  test('what is missing is said with a next step', async () => {
    const real = await realStack({ 'index.ts': PROGRAM });
    const source = new PulumiStacks({ ...real.settings, folders: [real.root] });
    await expect(source.snapshot({ ...real.stack, fqn: 'organization/trial/nope' })).rejects.toMatchObject({
      code: 'no-stack',
      nextStep: expect.stringContaining('pulumi whoami'),
    });
    const missing = new PulumiStacks({ ...real.settings, command: '/nowhere/pulumi', folders: [real.root] });
    await expect(missing.stacks()).rejects.toMatchObject({ code: 'pulumi-missing' });
    const nothing = new PulumiStacks({ ...real.settings, folders: [`${real.root}/state`] });
    await expect(nothing.stacks()).rejects.toMatchObject({ code: 'not-found' });
    await real.pulumi('stack', 'rm', '--yes', '--stack', real.stack.fqn);
    await expect(source.stacks()).rejects.toMatchObject({ code: 'no-stack' });
  });

  test('an aborted signal ends a read, also one that was aborted before', async () => {
    const real = await realStack({ 'index.ts': PROGRAM });
    const reader = new PulumiReader(real.settings);
    await expect(reader.export(real.stack, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    const soon = new AbortController();
    const reading = reader.export(real.stack, soon.signal);
    soon.abort();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});

if (noPulumi !== undefined)
  test('stacks, read with the real CLI', (ctx) => ctx.skip(`Pulumi CLI: ${noPulumi}`));
