import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/content-hash.ts';
import { listProgramFiles, readProgramFile } from '../../src/mcp/program-files.ts';
import { Proposals } from '../../src/mcp/proposals.ts';
import type { EditsRequest } from '../../src/mcp/runtime.ts';
import { checkProposal } from '../../src/remediation/check.ts';
import { ProposalStore } from '../../src/remediation/proposal-store.ts';
import { StandingStore } from '../../src/remediation/standing-store.ts';
import { diagnosis, NOW, STACK } from './samples.ts';

const PROGRAM = 'const cpu = "512";\nconst memory = "1024";\n';
const NEVER = new AbortController().signal;

let dir: string;
let project: string;
let state: string;
let proposals: Proposals;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-proposals-'));
  project = join(dir, 'project');
  state = join(dir, 'state');
  await mkdir(join(project, 'lib'), { recursive: true });
  await writeFile(join(project, 'index.ts'), PROGRAM);
  await writeFile(join(project, 'Pulumi.yaml'), 'name: shop\n');
  await writeFile(join(project, 'Pulumi.dev.yaml'), 'config:\n  shop:password: hunter2\n');
  await writeFile(join(project, '.env'), 'KEY=1\n');
  await writeFile(join(project, 'secrets.ts'), 'export const key = 1;\n');
  await writeFile(join(project, 'lib', 'task.ts'), 'export {};\n');
  await writeFile(join(project, 'notes.txt'), 'no program\n');
  proposals = new Proposals(state);
});

afterEach(() => rm(dir, { recursive: true, force: true }));

function edits(change: Partial<EditsRequest> = {}): EditsRequest {
  return {
    stack: { ...STACK, projectDir: project },
    title: 'More CPU',
    rationale: ['It is short of it.'],
    edits: [{ file: 'index.ts', oldText: '"512"', newText: '"1024"' }],
    service: 'chatbot',
    ...change,
  };
}

describe('the files of a program', () => {
  test('are listed without what may hold secrets', async () => {
    expect(await listProgramFiles(project)).toEqual(['Pulumi.yaml', 'index.ts', 'lib/task.ts']);
  });

  test('are read with their hash', async () => {
    expect(await readProgramFile(project, 'index.ts')).toEqual({
      file: 'index.ts',
      text: PROGRAM,
      sha256: sha256(PROGRAM),
    });
  });

  test.each([
    '.env',
    'Pulumi.dev.yaml',
    'secrets.ts',
    'notes.txt',
    '../project/index.ts',
    '/etc/passwd',
    'lib\\task.ts',
    './index.ts',
    'lib',
    'absent.ts',
    'index.ts\u0000.png',
  ])('are all that is read: not %j', async (file) => {
    await expect(readProgramFile(project, file)).rejects.toMatchObject({ code: 'refused' });
  });

  test('are not what a symlink leads to', async () => {
    await writeFile(join(dir, 'outside.ts'), 'secret');
    await symlink(join(dir, 'outside.ts'), join(project, 'inside.ts'));
    await symlink(dir, join(project, 'elsewhere'));
    expect(await listProgramFiles(project)).toEqual(['Pulumi.yaml', 'index.ts', 'lib/task.ts']);
    await expect(readProgramFile(project, 'inside.ts')).rejects.toMatchObject({ code: 'refused' });
    await expect(readProgramFile(project, 'elsewhere/outside.ts')).rejects.toMatchObject({ code: 'refused' });
  });

  test('that are gone are a Problem', async () => {
    await expect(listProgramFiles(join(dir, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('edits of a model', () => {
  test('become a proposal in the inbox that the window’s own check believes', async () => {
    const made = await proposals.propose(edits(), 'copilot', NOW, NEVER);
    expect(made).toMatchObject({
      id: expect.stringMatching(/^pr_[0-9a-f]{12}$/),
      origin: { by: 'mcp', client: 'copilot' },
      service: 'chatbot',
      risk: { level: 'medium' },
      cost: null,
    });
    expect(made.diff).toContain('+const cpu = "1024";');
    const found = await new ProposalStore(join(state, 'inbox')).get(made.id);
    expect(found).toEqual(made);
    expect(await checkProposal(found)).toHaveLength(1);
    expect(await readFile(join(project, 'index.ts'), 'utf8')).toBe(PROGRAM);
  });

  test('asked twice give one proposal, in files of the user alone', async () => {
    const first = await proposals.propose(edits(), 'copilot', NOW, NEVER);
    const second = await proposals.propose(edits(), 'copilot', NOW + 1_000, NEVER);
    expect(second.id).toBe(first.id);
    const inbox = join(state, 'inbox');
    expect(await readdir(inbox)).toEqual([`${first.id}.json`]);
    if (process.platform !== 'win32') {
      expect((await stat(inbox)).mode & 0o777).toBe(0o700);
      expect((await stat(join(inbox, `${first.id}.json`))).mode & 0o777).toBe(0o600);
    }
  });

  test.each([
    ['that match nowhere', [{ file: 'index.ts', oldText: '"256"', newText: '"1024"' }], 'bad-input'],
    ['that match twice', [{ file: 'index.ts', oldText: 'const', newText: 'let' }], 'bad-input'],
    ['that change nothing', [{ file: 'index.ts', oldText: '"512"', newText: '"512"' }], 'bad-input'],
    [
      'of another version',
      [{ file: 'index.ts', baseSha256: '0'.repeat(64), oldText: '"512"', newText: '1' }],
      'stale',
    ],
    ['of stack configuration', [{ file: 'Pulumi.dev.yaml', oldText: 'hunter2', newText: 'x' }], 'refused'],
    ['outside of the project', [{ file: '../x.ts', oldText: 'a', newText: 'b' }], 'refused'],
    ['of a file that is not there', [{ file: 'new.ts', oldText: 'a', newText: 'b' }], 'refused'],
  ])('%s are refused, and nothing is written', async (_, given, code) => {
    await expect(proposals.propose(edits({ edits: given }), 'c', NOW, NEVER)).rejects.toMatchObject({ code });
    await expect(stat(state)).rejects.toThrow();
  });

  test('against a diagnosis that sees no cause in the infrastructure say so', async () => {
    const against = diagnosis({ verdict: 'infrastructure-is-not-the-cause' });
    const { risk, diagnosisId } = await proposals.propose(edits({ diagnosis: against }), 'c', NOW, NEVER);
    expect(risk.reasons.join(' ')).toContain('not the cause');
    expect(diagnosisId).toBe(against.id);
  });

  test('a title can’t carry more than a line', async () => {
    const { title } = await proposals.propose(edits({ title: 'A\n\u202eB' }), 'c', NOW, NEVER);
    expect(title).toBe('A B');
  });

  test('with no folder to write to', async () => {
    await writeFile(state, 'a file where the folder should be');
    await expect(proposals.propose(edits(), 'c', NOW, NEVER)).rejects.toMatchObject({
      message: expect.stringContaining('can’t be written'),
    });
  });
});

describe('where a proposal stands', () => {
  test('in the inbox: proposed, and no window has seen it', async () => {
    const made = await proposals.propose(edits(), 'c', NOW, NEVER);
    expect(await proposals.standing(made.id)).toMatchObject({ state: 'proposed', seenByWindow: false });
  });

  test('as the window wrote it', async () => {
    const made = await proposals.propose(edits(), 'c', NOW, NEVER);
    const standing = {
      proposal: made,
      state: 'rejected',
      preview: null,
      verification: null,
      problem: null,
    } as const;
    await new StandingStore(join(state, 'standings')).put(standing);
    await new ProposalStore(join(state, 'inbox')).remove(made.id);
    expect(await proposals.standing(made.id)).toEqual({ ...standing, seenByWindow: true });
  });

  test('unknown, and asking makes no folder', async () => {
    expect(await proposals.standing('pr_000000000000')).toBeUndefined();
    await expect(stat(state)).rejects.toThrow();
  });

  test('a broken file is said, not taken', async () => {
    const standings = join(state, 'standings');
    await mkdir(standings, { recursive: true });
    await writeFile(join(standings, 'pr_000000000000.json'), '{"state":"verified"}');
    await expect(proposals.standing('pr_000000000000')).rejects.toMatchObject({ code: 'bad-input' });
    await expect(proposals.standing('../../etc/passwd')).rejects.toMatchObject({ code: 'bad-input' });
  });
});
