import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { complete } from '../../src/remediation/draft.ts';
import type { Proposal } from '../../src/remediation/proposal.ts';
import { ProposalStore } from '../../src/remediation/proposal-store.ts';

function proposal(title: string, createdAt = 0): Proposal {
  return complete(
    {
      title,
      createdAt,
      stack: {
        fqn: 'organization/trial/dev',
        project: 'trial',
        name: 'dev',
        backend: 'file:///state',
        projectDir: '/infra',
      },
      edits: [{ file: 'index.ts', baseSha256: '0'.repeat(64), oldText: 'a', newText: 'b' }],
      changes: [],
      kind: 'cpu',
      service: 'api',
      rationale: [],
      expected: { p95Before: null, p95After: null, reasoning: [] },
      cost: null,
      risk: { level: 'low', reasons: [] },
      origin: { by: 'mcp', client: 'test' },
    },
    [{ file: 'index.ts', before: 'a', after: 'b' }],
  );
}

async function store() {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-inbox-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return new ProposalStore(dir);
}

test('what was put is read as it was, newest first', async () => {
  const inbox = await store();
  const [older, newer] = [proposal('older', 1), proposal('newer', 2)];
  await inbox.put(older);
  await inbox.put(newer);
  expect(await inbox.get(older.id)).toEqual(older);
  expect((await inbox.list()).proposals).toEqual([newer, older]);
});

test('what is no proposal is a problem, and hides none that is', async () => {
  const inbox = await store();
  const good = proposal('good');
  await inbox.put(good);
  await writeFile(join(inbox.dir, 'pr_000000000001.json'), '{"id":"pr_000000000001"}');
  await writeFile(join(inbox.dir, 'pr_000000000002.json'), 'not json');
  await writeFile(join(inbox.dir, 'pr_000000000003.json'), JSON.stringify(good));
  await symlink('/etc/passwd', join(inbox.dir, 'pr_000000000004.json'));
  const { proposals, problems } = await inbox.list();
  expect(proposals).toEqual([good]);
  expect(problems.map((problem) => problem.code).sort()).toEqual([
    'bad-input',
    'bad-input',
    'bad-input',
    'not-found',
  ]);
  await expect(inbox.get('../../etc/passwd')).rejects.toMatchObject({ code: 'bad-input' });
});

test('a watcher hears of what is there and of what comes, once each', async () => {
  const inbox = await store();
  const [first, second] = [proposal('first'), proposal('second')];
  await inbox.put(first);
  const heard: string[] = [];
  const watching = await inbox.watch(
    (one) => heard.push(one.title),
    () => {},
  );
  onTestFinished(() => watching.dispose());
  expect(heard).toEqual(['first']);
  await inbox.put(second);
  await vi.waitFor(() => expect(heard).toEqual(['first', 'second']), { timeout: 10_000 });
});
