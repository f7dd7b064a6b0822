import { describe, expect, test } from 'vitest';
import { Problem } from '../../src/problem.ts';
import { proposalId } from '../../src/remediation/draft.ts';
import type { Proposal } from '../../src/remediation/proposal.ts';
import type { TelemetryStore } from '../../src/telemetry/query.ts';
import { chooseKey, keyHost } from '../../src/ui/honeycomb-key.ts';
import { inboxProposal } from '../../src/ui/inbox-proposal.ts';
import { approvalWords, confirmationWords } from '../../src/ui/review/confirmation.ts';
import { DiffLabels } from '../../src/ui/review/diff-labels.ts';
import { watchedStore } from '../../src/ui/watched-store.ts';
import { unlinked } from '../../src/ui/words.ts';
import { preview, proposal } from '../webview/fixture.ts';

/** What comes from models, telemetry, files and settings of others, where it meets the person at the screen. */

describe('texts in notifications', () => {
  /** What VS Code takes for a link in a notification. */
  const link = /\[[^\]]+\]\((?:https?:\/\/|command:|file:)[^)\s]+/i;

  test.each([
    '[Show](command:plumbline.approveProposal)',
    'a [b]\u0000(command:x) [c]\u200e(command:y)',
    '[[x](command:y)](command:z)',
    '[a](https://example.org)',
  ])('holds no link: %s', (text) => {
    expect(unlinked(text)).not.toMatch(link);
  });

  test('a text stays as it is otherwise, and short', () => {
    expect(unlinked('P95 1.68 s → 602 ms (task [1])')).toBe('P95 1.68 s → 602 ms (task [1])');
    expect(unlinked('x'.repeat(5000)).length).toBe(600);
  });
});

describe('labels of diffs over several files', () => {
  const one = { id: 'pr_0123456789ab', title: 'Raise the CPU' };
  const other = { id: 'pr_ba9876543210', title: 'Raise the CPU' };

  test('two proposals of one title keep apart', () => {
    const labels = new DiffLabels();
    const [first, second] = [labels.label(one), labels.label(other)];
    expect(labels.proposalOf(first, [first, second])).toBe(one.id);
    expect(labels.proposalOf(second, [first, second])).toBe(other.id);
  });

  test('stand for nothing where two tabs bear them, or nobody gave them', () => {
    const labels = new DiffLabels();
    const label = labels.label(one);
    expect(labels.proposalOf(label, [label, label])).toBeUndefined();
    expect(labels.proposalOf('Plumbline: Raise the CPU', ['Plumbline: Raise the CPU'])).toBeUndefined();
    labels.forget(one.id);
    expect(labels.proposalOf(label, [label])).toBeUndefined();
  });
});

describe('a proposal out of the inbox', () => {
  const fromModel: Proposal = {
    ...proposal,
    origin: { by: 'mcp', client: 'a-model' },
    risk: { level: 'low', reasons: ['Nothing to see here.'] },
    edits: [{ file: 'index.ts', baseSha256: '0'.repeat(64), oldText: 'a', newText: 'execSync("x")' }],
  };

  test('is refused where it says that a diagnosis made it', () => {
    expect(() => inboxProposal({ ...fromModel, origin: { by: 'diagnosis' } })).toThrow(Problem);
  });

  test('bears the risk that its edits show, and the id of what it now is', () => {
    const taken = inboxProposal(fromModel);
    expect(taken.risk.level).toBe('high');
    expect(taken.risk.reasons).toContain('It brings in code that runs commands.');
    expect(taken.risk.reasons).toContain('Nothing to see here.');
    const { id, ...content } = taken;
    expect(id).toBe(proposalId(content));
    expect(id).not.toBe(fromModel.id);
  });

  test('stays as it is where it said so itself, also where it fears more', () => {
    const honest = inboxProposal(fromModel);
    expect(inboxProposal(honest)).toBe(honest);
    const careful: Proposal = { ...fromModel, edits: [], risk: { level: 'medium', reasons: [] } };
    expect(inboxProposal(careful).risk.level).toBe('medium');
  });

  test('has its cost told as a claim, and its approval asked for', () => {
    expect(confirmationWords(fromModel, preview).detail).toMatch(
      /Cost a month, as the assistant claims: \$17/,
    );
    expect(confirmationWords(proposal, preview).detail).toMatch(/Cost a month: \$17/);
    const { message, detail, action } = approvalWords(fromModel);
    expect([message, action]).toEqual(["Run this assistant's program text in a preview?", 'Approve']);
    expect(detail).toContain('a-model');
  });
});

describe('the Honeycomb key', () => {
  const stored = { key: 'stored', host: 'api.honeycomb.io' };
  const environment = { HONEYCOMB_API_KEY: 'from-env' };

  test('goes to the host that it was stored for', () => {
    expect(chooseKey('https://api.honeycomb.io', stored, {})).toEqual({ use: 'stored' });
  });

  test.each([
    'https://api.eu1.honeycomb.io',
    'https://api.honeycomb.io.evil.example',
    'https://api.honeycomb.io:444',
  ])('is asked about before it goes to another one: %s', (url) => {
    expect(chooseKey(url, stored, environment)).toEqual({ askFor: new URL(url).host });
    expect(chooseKey(url, { ...stored, host: null }, {})).toEqual({ askFor: new URL(url).host });
  });

  test.each(['http://127.0.0.1:4318', 'http://localhost:1', 'http://[::1]:2'])(
    'never goes to this machine: %s',
    (url) => {
      expect(chooseKey(url, stored, {})).toEqual({ use: 'local' });
      expect(chooseKey(url, { ...stored, host: new URL(url).host }, environment)).toEqual({
        use: 'from-env',
      });
    },
  );

  test('is not sent in the clear, whichever it is', () => {
    const http = 'http://api.honeycomb.io';
    expect(() => chooseKey(http, stored, environment)).toThrow(/https alone/);
    expect(() => chooseKey(http, { ...stored, host: 'api.honeycomb.io' }, {})).toThrow(/https alone/);
    expect(keyHost(http)).toBeNull();
    expect(keyHost('http://127.0.0.1:1')).toBeNull();
  });

  test('of the environment goes where the environment means it', () => {
    expect(chooseKey('https://api.eu1.honeycomb.io', undefined, environment)).toEqual({ use: 'from-env' });
    expect(() => chooseKey('https://store.example', undefined, environment)).toThrow(/no API key for store/);
    const named = { ...environment, HONEYCOMB_API_ENDPOINT: 'https://store.example' };
    expect(chooseKey('https://store.example', undefined, named)).toEqual({ use: 'from-env' });
  });
});

describe('a store that does not answer', () => {
  const store = (error: Error): TelemetryStore => ({
    name: 'store',
    requests: 0,
    computesOverParents: true,
    datasets: () => Promise.reject(error),
    columns: () => Promise.reject(error),
    run: () => Promise.reject(error),
    mark: () => Promise.reject(error),
    markers: () => Promise.reject(error),
  });

  test.each(['unreachable', 'unauthorized'] as const)('is told of when it is %s', async (code) => {
    let told = 0;
    const watched = watchedStore(store(new Problem(code, 'No.', 'Go on.')), () => {
      told += 1;
    });
    await expect(watched.datasets()).rejects.toThrow('No.');
    expect(told).toBe(code === 'unreachable' ? 1 : 0);
  });
});
