import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileJournal, type JournalEntry, unfinished } from '../../../src/remediation/gate/journal.ts';
import { isRunning, thisProcess } from '../../../src/remediation/gate/window-process.ts';

async function journal() {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-journal-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'deep', 'journal.jsonl');
  return { file, journal: new FileJournal(file) };
}

const applying: JournalEntry = {
  proposal: 'pr_1',
  event: 'applying',
  stack: 'organization/trial/dev',
  projectDir: '/infra',
  files: [{ file: 'index.ts', before: 'a', after: 'b' }],
  backupDir: '/backups/pr_1',
  window: { pid: 6, startedAt: 1 },
};

test('a torn last line is left out, and the next one stands whole', async () => {
  const { file, journal: one } = await journal();
  expect(one.read()).toEqual([]);
  one.append({ proposal: 'pr_1', event: 'rejected' }, 1);
  await appendFile(file, '{"at":2,"proposal":"pr_1","ev');
  expect(one.read()).toHaveLength(1);
  one.append({ proposal: 'pr_2', event: 'rejected' }, 3);
  expect(one.read().map((record) => record.proposal)).toEqual(['pr_1', 'pr_2']);
  expect((await stat(file)).mode & 0o077).toBe(0);
  expect((await readFile(file, 'utf8')).endsWith('\n')).toBe(true);
});

test('a journal that can not be written stops everything', async () => {
  const { file } = await journal();
  await writeFile(join(file, '..', '..', 'file'), '');
  const blocked = new FileJournal(join(file, '..', '..', 'file', 'journal.jsonl'));
  expect(() => blocked.append(applying, 1)).toThrow(/nothing is done/);
});

test.each<[string, JournalEntry[], RegExp | null]>([
  ['while the files were written', [applying], /cut off while its files/],
  [
    'after the files, before the update',
    [applying, { proposal: 'pr_1', event: 'files-written' }],
    /update of .* was not started/,
  ],
  [
    'in the update',
    [
      applying,
      { proposal: 'pr_1', event: 'files-written' },
      { proposal: 'pr_1', event: 'update-started', pid: 7 },
    ],
    /under way \(process 7\)/,
  ],
  [
    'after the update',
    [applying, { proposal: 'pr_1', event: 'update-started', pid: 7 }, { proposal: 'pr_1', event: 'applied' }],
    null,
  ],
  [
    'after a failure that was told',
    [applying, { proposal: 'pr_1', event: 'apply-failed', problem: 'x', filesStand: true }],
    null,
  ],
  [
    'that was told already',
    [
      applying,
      { proposal: 'pr_1', event: 'update-started', pid: 7 },
      { proposal: 'pr_1', event: 'acknowledged' },
    ],
    null,
  ],
  ['before anything', [{ proposal: 'pr_1', event: 'confirmed', typed: false }], null],
])('a crash %s is known afterwards', async (_name, entries, words) => {
  const { journal: one } = await journal();
  for (const [at, entry] of entries.entries()) one.append(entry, at);
  expect(unfinished(one.read(), () => true)).toEqual([]);
  const found = unfinished(one.read(), () => false);
  if (words === null) expect(found).toEqual([]);
  else
    expect(found).toMatchObject([
      { proposal: 'pr_1', message: expect.stringMatching(words), nextStep: expect.stringMatching(/backups/) },
    ]);
});

test('a process is told from one that has ended, and from a later one with its number', (ctx) => {
  const own = thisProcess();
  expect(isRunning(own)).toBe(true);
  const ended = spawnSync(process.execPath, ['--version']);
  expect(isRunning({ pid: ended.pid, startedAt: null })).toBe(false);
  if (own.startedAt === null) return ctx.skip('ps: it does not tell when a process started');
  expect(isRunning({ ...own, startedAt: own.startedAt - 60_000 })).toBe(false);
});
