import { appendFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Problem } from '../../../src/problem.ts';
import { thisProcess } from '../../../src/remediation/gate/window-process.ts';
import type { Proposal } from '../../../src/remediation/proposal.ts';
import { deployment, PROGRAM, REPLACED, type World, world } from './fake-gate.ts';
import { never, quiet, replacing } from './real-gate.ts';

const CHANGED = PROGRAM.replace('"512"', '"1024"');

async function proposed(w: World): Promise<Proposal> {
  const proposal = await replacing(w.stack, 'index.ts', '"512"', '"1024"');
  await w.gate.submit(proposal);
  return proposal;
}

async function previewed(w: World): Promise<Proposal> {
  const proposal = await proposed(w);
  await w.gate.approve(proposal.id, proposal.diffSha256);
  await w.gate.preview(proposal.id, never, quiet);
  return proposal;
}

async function confirmed(w: World): Promise<Proposal> {
  const proposal = await previewed(w);
  await w.gate.confirm(proposal.id, w.stack.name);
  return proposal;
}

describe('the way through the gate', () => {
  test('goes by every state, runs the patch in a copy only, and writes the files at the end', async () => {
    const w = await world();
    const proposal = await confirmed(w);
    expect(w.previews).toHaveLength(1);
    expect(w.previews[0]?.program).toBe(CHANGED);
    expect(w.previews[0]?.cwd.startsWith(w.dir)).toBe(false);
    expect(await w.text()).toBe(PROGRAM);
    await w.gate.apply(proposal.id, never, quiet);
    expect(await w.text()).toBe(CHANGED);
    expect(w.states).toEqual([
      'proposed',
      'approved',
      'previewing',
      'previewed',
      'confirmed',
      'applying',
      'applied',
    ]);
    expect(w.updates).toHaveLength(1);
    expect(w.journal.read().map((record) => record.event)).toEqual([
      'submitted',
      'approved',
      'previewed',
      'confirmed',
      'applying',
      'files-written',
      'update-started',
      'applied',
      'rolled-out',
    ]);
    expect(w.marks).toMatchObject([{ type: 'deploy', message: proposal.title }]);
  });

  test.each<[string, (w: World, id: string) => Promise<unknown>]>([
    ['preview', (w, id) => w.gate.preview(id, never, quiet)],
    ['confirm', (w, id) => w.gate.confirm(id, 'dev')],
    ['apply', (w, id) => w.gate.apply(id, never, quiet)],
    ['verify', (w, id) => w.gate.verify(id, never, quiet)],
    ['rollBack', (w, id) => w.gate.rollBack(id)],
  ])('%s without an approval is refused', async (_name, act) => {
    const w = await world();
    const { id } = await proposed(w);
    await expect(act(w, id)).rejects.toMatchObject({ code: 'refused' });
    expect(w.previews).toEqual([]);
    expect(w.updates).toEqual([]);
  });

  test('a diff that is not the one shown is not approved', async () => {
    const w = await world();
    const proposal = await proposed(w);
    await expect(w.gate.approve(proposal.id, '0'.repeat(64))).rejects.toMatchObject({ code: 'stale' });
    await appendFile(join(w.stack.projectDir, 'index.ts'), '// changed\n');
    await expect(w.gate.approve(proposal.id, proposal.diffSha256)).rejects.toMatchObject({ code: 'stale' });
    expect(w.gate.views[0]?.state).toBe('proposed');
  });

  test('a proposal for a stack or folder that this workspace does not have is not taken in', async () => {
    const w = await world();
    const proposal = await replacing(w.stack, 'index.ts', '"512"', '"1024"');
    w.stacks = [{ ...w.stack, fqn: 'organization/trial/prod' }];
    await expect(w.gate.submit(proposal)).rejects.toMatchObject({ code: 'no-stack' });
    w.stacks = [{ ...w.stack, backend: 'https://api.pulumi.com' }];
    await expect(w.gate.submit(proposal)).rejects.toMatchObject({ code: 'stale' });
    expect(w.gate.views).toEqual([]);
  });

  test('a rejected proposal stays so until it is proposed again', async () => {
    const w = await world();
    const proposal = await previewed(w);
    w.gate.reject(proposal.id);
    await expect(w.gate.approve(proposal.id, proposal.diffSha256)).rejects.toMatchObject({ code: 'refused' });
    await w.gate.submit(proposal);
    expect(w.gate.views.map((view) => view.state)).toEqual(['proposed']);
  });
});

describe('an approval', () => {
  test('expires', async () => {
    for (const act of [
      (w: World, id: string) => w.gate.confirm(id, 'dev'),
      async (w: World, id: string) => {
        w.now -= 16 * 60_000;
        await w.gate.confirm(id, 'dev');
        w.now += 16 * 60_000;
        await w.gate.apply(id, never, quiet);
      },
    ]) {
      const w = await world();
      const proposal = await previewed(w);
      w.now += 16 * 60_000;
      await expect(act(w, proposal.id)).rejects.toMatchObject({
        code: 'stale',
        message: expect.stringContaining('expired'),
      });
      expect(w.gate.views[0]).toMatchObject({ state: 'expired', approvalExpiresAt: null });
      expect(w.updates).toEqual([]);
      // It can be given anew.
      await w.gate.approve(proposal.id, proposal.diffSha256);
      expect(w.gate.views[0]?.state).toBe('approved');
    }
  });

  test('is for one use, also when two ask at once', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    const both = await Promise.allSettled([w.gate.apply(id, never, quiet), w.gate.apply(id, never, quiet)]);
    expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(w.updates).toHaveLength(1);
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({ code: 'refused' });
  });

  test.each<[string, (w: World) => unknown, RegExp]>([
    ['a file of the project', (w) => writeFile(join(w.stack.projectDir, 'lib.ts'), ''), /lib\.ts/],
    [
      'the configuration of the stack',
      (w) => writeFile(join(w.stack.projectDir, 'Pulumi.dev.yaml'), 'config: {}\n'),
      /Pulumi\.dev\.yaml/,
    ],
    ['a lock file above the project', (w) => writeFile(join(w.dir, 'yarn.lock'), 'x'), /yarn\.lock/],
    ['a link in the project', (w) => symlink('/etc/hostname', join(w.stack.projectDir, 'link')), /link/],
    ['the patched file', (w) => appendFile(join(w.stack.projectDir, 'index.ts'), ' '), /index\.ts/],
    ['the state of the stack', (w) => (w.digest = 'two'), /state was changed/],
    ['the CLI', (w) => (w.version = '3.300.0'), /CLI is 3\.300\.0/],
    ['the backend', (w) => (w.stacks = [{ ...w.stack, backend: 's3://x' }]), /backend/],
    ['the stack itself', (w) => (w.stacks = []), /no stack/],
  ])('does not outlive a change of %s', async (_name, change, words) => {
    const w = await world();
    const { id } = await confirmed(w);
    await change(w);
    const before = await w.text();
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringMatching(words),
    });
    expect(w.updates).toEqual([]);
    expect(await w.text()).toBe(before);
    expect(['expired', 'failed']).toContain(w.gate.views[0]?.state);
  });

  test('does not outlive a change of the plan, or its loss', async () => {
    for (const spoil of [(file: string) => writeFile(file, '{}'), (file: string) => rm(file)]) {
      const w = await world();
      const folders = new Set(await readdir(tmpdir()));
      const { id } = await confirmed(w);
      const made = (await readdir(tmpdir())).filter(
        (name) => name.startsWith('plumbline-plan-') && !folders.has(name),
      );
      for (const name of made) await spoil(join(tmpdir(), name, 'plan.json'));
      await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
        code: 'stale',
        message: expect.stringContaining('plan'),
      });
      expect(w.updates).toEqual([]);
    }
  });

  test('ends with what moves while the preview runs', async () => {
    const w = await world();
    const proposal = await proposed(w);
    await w.gate.approve(proposal.id, proposal.diffSha256);
    w.plan = () => {
      w.digest = 'two';
      return '{}';
    };
    await expect(w.gate.preview(proposal.id, never, quiet)).rejects.toMatchObject({ code: 'stale' });
    expect(w.gate.views[0]?.state).toBe('expired');
  });
});

describe('without a plan', () => {
  test.each<[string, (w: World) => unknown]>([
    ['that can be saved', (w) => (w.savesPlan = false)],
    [
      'that is free of the copy’s paths',
      (w) => (w.plan = (cwd) => JSON.stringify({ code: `${cwd}/handler.zip` })),
    ],
  ])('%s, the steps bind the update', async (_name, set) => {
    const w = await world();
    set(w);
    const { id } = await confirmed(w);
    expect(w.gate.views[0]?.preview?.binding).toBe('steps');
    await w.gate.apply(id, never, quiet);
    expect(w.updates).toEqual(['no plan']);
    expect(w.previews).toHaveLength(2);
  });

  test('other steps are refused', async () => {
    const w = await world();
    w.savesPlan = false;
    const { id } = await confirmed(w);
    w.steps = [{ ...REPLACED, newState: { ...REPLACED.newState, inputs: { cpu: '2048' } } }];
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining('other steps'),
    });
    expect(w.updates).toEqual([]);
  });
});

describe('the typed confirmation', () => {
  const step = (over: object) => ({
    op: 'update',
    urn: 'urn:pulumi:dev::trial::t::x',
    oldState: { type: 'aws:rds/instance:Instance', inputs: {} },
    newState: { type: 'aws:rds/instance:Instance', inputs: {} },
    ...over,
  });
  test.each<[string, unknown[], boolean]>([
    ['a new revision of a task definition', [REPLACED], false],
    ['an ordinary update', [step({})], false],
    ['a deletion', [step({ op: 'delete', newState: null })], true],
    [
      'a replacement of what holds data',
      [step({ op: 'create-replacement' }), step({ op: 'delete-replaced', newState: null })],
      true,
    ],
    [
      'protection alone taken off, which the engine calls the same',
      [
        step({
          op: 'same',
          oldState: { type: 't', inputs: { a: 1 }, protect: true },
          newState: { type: 't', inputs: { a: 1 } },
        }),
      ],
      true,
    ],
    ['protection taken off', [step({ oldState: { type: 't', inputs: {}, protect: true } })], true],
    [
      'permissions',
      [
        step({
          oldState: { type: 'aws:iam/role:Role', inputs: {} },
          newState: { type: 'aws:iam/role:Role', inputs: {} },
        }),
      ],
      true,
    ],
    [
      'opened to the internet',
      [step({ newState: { type: 't', inputs: { ingress: [{ cidrBlocks: ['0.0.0.0/0'] }] } } })],
      true,
    ],
    ['a public database', [step({ newState: { type: 't', inputs: { publiclyAccessible: true } } })], true],
    [
      'open before as after',
      [
        step({
          oldState: { type: 't', inputs: { c: '0.0.0.0/0' } },
          newState: { type: 't', inputs: { c: '0.0.0.0/0', n: 1 } },
        }),
      ],
      false,
    ],
  ])('for %s', async (_name, steps, needed) => {
    const w = await world();
    w.steps = steps;
    const { id } = await previewed(w);
    expect(w.gate.views[0]?.preview?.needsTypedConfirmation).toBe(needed);
    if (needed) {
      await expect(w.gate.confirm(id)).rejects.toMatchObject({ code: 'refused' });
      await expect(w.gate.confirm(id, 'prod')).rejects.toMatchObject({ code: 'refused' });
      await w.gate.confirm(id, 'dev');
    } else await w.gate.confirm(id);
    expect(w.gate.views[0]?.state).toBe('confirmed');
  });

  test('a change of protection alone is a step of its own and binds the update', async () => {
    const same = (before: boolean, after: boolean) =>
      step({
        op: 'same',
        oldState: { type: 't', inputs: {}, protect: before },
        newState: { type: 't', inputs: {}, protect: after },
      });
    const w = await world();
    w.savesPlan = false;
    w.steps = [same(true, true)];
    const { id } = await confirmed(w);
    expect(w.gate.views[0]?.preview?.steps).toEqual([]);
    w.steps = [same(true, false)];
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringContaining('other steps'),
    });
    const again = await world();
    again.steps = [same(true, false)];
    await previewed(again);
    expect(again.gate.views[0]?.preview).toMatchObject({
      summary: { update: 1 },
      steps: [{ operation: 'update', properties: [{ path: 'protect', before: 'true', after: 'false' }] }],
      confirmationReasons: ['Takes the protection off x (t).'],
    });
  });

  test('what is shown hides secrets and what came from elsewhere can not dress up', async () => {
    const w = await world();
    w.steps = [
      step({
        newState: {
          type: 't',
          inputs: {
            password: {
              '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
              ciphertext: 'abc',
            },
            url: 'https://x?key=hunter2',
            note: '\u001b[31mred\u202e\u0007',
            later: '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
          },
        },
      }),
    ];
    await previewed(w);
    const shown = Object.fromEntries(
      w.gate.views[0]?.preview?.steps[0]?.properties.map((one) => [one.path, one.after]) ?? [],
    );
    expect(shown).toEqual({
      password: '[secret]',
      url: 'https://x?key=[secret]',
      note: 'red',
      later: '(known after the update)',
    });
  });
});

describe('an update that fails', () => {
  const problem = new Problem('stack-locked', 'Locked.', 'Wait.');

  test('before it touched anything: the files are put back', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    w.outcome = () => ({ problem, started: false, events: [] });
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      code: 'stack-locked',
      message: expect.stringContaining('put back'),
    });
    expect(await w.text()).toBe(PROGRAM);
    expect(w.gate.views[0]).toMatchObject({
      state: 'failed',
      filesStand: false,
      problem: { message: expect.stringContaining('Locked.') },
    });
    await expect(w.gate.rollBack(id)).rejects.toMatchObject({ code: 'refused' });
    expect(w.journal.read().at(-1)).toMatchObject({ event: 'apply-failed', filesStand: false });
  });

  test('in the middle: the files stay, it says how far it came, and the way back is offered', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    const urn = 'urn:pulumi:dev::trial::t::api';
    w.outcome = () => ({
      problem,
      started: true,
      events: [
        { urn, operation: 'update', phase: 'done' },
        { urn: `${urn}2`, operation: 'update', phase: 'failed' },
      ],
    });
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringMatching(/1 step done, failed at api2.*files stay/),
    });
    expect(await w.text()).toBe(CHANGED);
    expect(w.gate.views[0]).toMatchObject({ state: 'failed', filesStand: true });
    expect(() => w.gate.reject(id)).toThrow(
      expect.objectContaining({ code: 'refused', nextStep: 'Roll back.' }),
    );
    expect(w.gate.views[0]?.state).toBe('failed');

    w.outcome = () => ({ problem: null, started: true, events: [] });
    const reverse = await w.gate.rollBack(id);
    await w.gate.submit(reverse);
    await w.gate.approve(reverse.id, reverse.diffSha256);
    await w.gate.preview(reverse.id, never, quiet);
    await w.gate.confirm(reverse.id);
    await w.gate.apply(reverse.id, never, quiet);
    expect(await w.text()).toBe(PROGRAM);
    expect(w.gate.views.map((view) => [view.state, view.filesStand])).toEqual([
      ['applied', true],
      ['rolled-back', false],
    ]);
  });

  test('with a state that moved all the same: the files stay', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    w.outcome = () => {
      w.digest = 'two';
      return { problem, started: true, events: [] };
    };
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringContaining('files stay'),
    });
    expect(await w.text()).toBe(CHANGED);
  });

  test('a file that someone changed meanwhile is not overwritten', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    w.outcome = async () => {
      await writeFile(join(w.stack.projectDir, 'index.ts'), 'mine');
      return { problem, started: false, events: [] };
    };
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringContaining('left as they are'),
    });
    expect(await w.text()).toBe('mine');
    const backup = /backup: ([^)]+)\)/.exec(w.gate.views[0]?.problem?.message ?? '')?.[1] ?? '';
    expect((await stat(backup)).isFile()).toBe(true);
  });
});

describe('the rollout', () => {
  test('is watched until the new deployment is complete and the old one gone', async () => {
    const w = await world();
    const { id } = await previewedWith(w, [
      [deployment('1')],
      [deployment('1')],
      [deployment('2', { rollout: 'in-progress', running: 1 }), deployment('1')],
      [deployment('2'), deployment('1', { running: 1 })],
      [deployment('2')],
    ]);
    await w.gate.apply(id, never, quiet);
    expect(w.views.map((view) => view.rollout)).toContain('1 of 2 new tasks running, 2 old still there');
    expect(w.gate.views[0]).toMatchObject({
      state: 'applied',
      rollout: '2 of 2 new tasks running: complete',
      deployedAt: w.now,
    });
  });

  test('that fails is said, with the way back', async () => {
    const w = await world();
    const { id } = await previewedWith(w, [
      [deployment('1')],
      [deployment('2', { rollout: 'failed', reason: 'tasks failed to start' })],
    ]);
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringContaining('tasks failed to start'),
    });
    expect(w.gate.views[0]?.state).toBe('failed');
    await expect(w.gate.rollBack(id)).resolves.toMatchObject({ title: expect.stringContaining('Roll back') });
  });

  test('that takes too long is not failed', async () => {
    const w = await world();
    const { id } = await previewedWith(w, [
      [deployment('1')],
      [deployment('2', { rollout: 'in-progress', running: 0 })],
    ]);
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({ code: 'timeout' });
    expect(w.gate.views[0]).toMatchObject({ state: 'applied', deployedAt: null });
  });

  test.each(['unreachable', 'rate-limited', 'unauthorized', 'timeout'] as const)(
    'outlives a look that is %s, and is not failed where it can not be watched at all',
    async (code) => {
      const deployments = () => [[deployment('1')], [deployment('2')]];
      const problem = new Problem(code, 'No answer.', 'Look.');
      const w = await world();
      const { id } = await previewedWith(w, deployments());
      w.rolloutProblems = [problem, problem];
      await w.gate.apply(id, never, quiet);
      expect(w.gate.views[0]).toMatchObject({ state: 'applied', problem: null, deployedAt: w.now });

      const blind = await world();
      const other = await previewedWith(blind, deployments());
      blind.rolloutProblems = Array.from({ length: 10 }, () => problem);
      await expect(blind.gate.apply(other.id, never, quiet)).rejects.toMatchObject({ code });
      expect(blind.gate.views[0]).toMatchObject({ state: 'applied', problem: { message: 'No answer.' } });
      blind.rolloutProblems = [];
      await expect(blind.gate.verify(other.id, never, quiet)).rejects.toMatchObject({ message: 'no store' });
      expect(blind.gate.views[0]).toMatchObject({ state: 'applied', deployedAt: expect.any(Number) });
    },
  );

  test('that is no longer watched is not failed', async () => {
    const w = await world();
    const { id } = await previewedWith(w, [[deployment('1')], [deployment('1')]]);
    const stop = new AbortController();
    const applying = w.gate.apply(id, stop.signal, (label) => {
      if (label.startsWith('Rollout')) stop.abort();
    });
    await expect(applying).rejects.toThrow();
    expect(w.gate.views[0]?.state).toBe('applied');
  });

  async function previewedWith(w: World, deployments: World['deployments']) {
    w.deployments = deployments;
    const proposal = await previewed(w);
    await w.gate.confirm(proposal.id);
    return proposal;
  }
});

describe('a journal that can not be written', () => {
  /** From now on, entries of this kind find a full disk. */
  function full(w: World, ...events: string[]) {
    const append = w.journal.append.bind(w.journal);
    w.journal.append = (entry, at) => {
      if (events.includes(entry.event)) throw new Problem('internal', 'Disk full.', 'Free some space.');
      append(entry, at);
    };
  }

  test('does not hide why an update failed, nor keep it under way', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    full(w, 'apply-failed', 'update-started');
    await expect(w.gate.apply(id, never, quiet)).rejects.toMatchObject({
      message: expect.stringMatching(/Disk full.*put back/),
    });
    expect(w.gate.views[0]).toMatchObject({
      state: 'failed',
      problem: { message: expect.stringContaining('It is not in the journal: Disk full.') },
    });
  });

  test('does not hide why a preview failed, nor keep it under way', async () => {
    const w = await world();
    const proposal = await proposed(w);
    await w.gate.approve(proposal.id, proposal.diffSha256);
    full(w, 'preview-failed');
    w.plan = () => {
      throw new Problem('program-error', 'It does not compile.', 'Mend it.');
    };
    const previewing = w.gate.preview(proposal.id, never, quiet);
    await expect(previewing).rejects.toMatchObject({ message: 'It does not compile.' });
    expect(w.gate.views[0]).toMatchObject({
      state: 'failed',
      problem: { message: 'It does not compile. It is not in the journal: Disk full.', nextStep: 'Mend it.' },
    });
  });

  test('an update that went through is applied all the same', async () => {
    const w = await world();
    const { id } = await confirmed(w);
    full(w, 'applied');
    await w.gate.apply(id, never, quiet);
    expect(w.gate.views[0]?.state).toBe('applied');
  });
});

test('two approvals at once are one', async () => {
  const w = await world();
  const { id, diffSha256 } = await proposed(w);
  const both = await Promise.allSettled([w.gate.approve(id, diffSha256), w.gate.approve(id, diffSha256)]);
  expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(w.gate.views[0]?.state).toBe('approved');
});

test('what an earlier window was cut off in is told once', async () => {
  const w = await world();
  const entry = {
    proposal: 'pr_1',
    event: 'applying',
    stack: w.stack.fqn,
    projectDir: w.stack.projectDir,
    files: [],
    backupDir: w.dir,
  } as const;
  w.journal.append({ ...entry, window: thisProcess() }, 1);
  expect(w.gate.recover()).toEqual([]);
  w.journal.append({ ...entry, window: { ...thisProcess(), pid: 2 ** 30 } }, 2);
  expect(w.gate.recover()).toMatchObject([{ proposal: 'pr_1' }]);
  expect(w.gate.recover()).toEqual([]);
});

test('a verification that can not be made leaves the proposal applied, and says why', async () => {
  const w = await world();
  const { id } = await confirmed(w);
  await w.gate.apply(id, never, quiet);
  await expect(w.gate.verify(id, never, quiet)).rejects.toMatchObject({ code: 'unreachable' });
  expect(w.gate.views[0]).toMatchObject({ state: 'applied', problem: { message: 'no store' } });
});

test('line ends and a byte order mark survive the way through', async () => {
  const program = '\ufeffconst a = 1;\r\nconst cpu = "512";\r\n';
  const w = await world(program);
  const { id } = await confirmed(w);
  await w.gate.apply(id, never, quiet);
  expect(await w.text()).toBe(program.replace('"512"', '"1024"'));
});
