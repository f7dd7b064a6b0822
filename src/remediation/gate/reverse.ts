import { diffLines } from 'diff';
import { Problem } from '../../problem.ts';
import { filesOf } from '../check.ts';
import { complete } from '../draft.ts';
import { buildEdits } from '../edits.ts';
import { readProjectFile } from '../project-files.ts';
import type { Proposal } from '../proposal.ts';
import { assessRisk } from '../risk.ts';

/** What an update wrote, by the text of each file before and after. */
export interface AppliedFile {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/**
 * The reverse of an applied proposal, as a proposal of its own that goes through the same gate. Only what the update
 * changed is turned back; a file that was changed since is left to the person.
 */
export async function reverseProposal(
  proposal: Proposal,
  applied: readonly AppliedFile[],
  now: number,
): Promise<Proposal> {
  const edits = [];
  for (const { file, before, after } of applied) {
    const current = await readProjectFile(proposal.stack.projectDir, file);
    if (current.text !== after) {
      throw new Problem(
        'stale',
        `${file} was changed after ${proposal.title} was applied, so it can't be turned back by itself.`,
        'Turn it back by hand, or undo the later change first.',
      );
    }
    edits.push(...buildEdits(current, turnedBack(before, after)));
  }
  const files = await filesOf(proposal.stack.projectDir, edits);
  const { expected, cost } = proposal;
  const { diagnosisId: _diagnosisId, ...rest } = proposal;
  return complete(
    {
      ...withoutMade(rest),
      title: `Roll back: ${proposal.title}`.slice(0, 300),
      edits,
      changes: proposal.changes.map((change) => ({ ...change, before: change.after, after: change.before })),
      rationale: [`Turns back ${proposal.id}: ${proposal.title}`.slice(0, 2000)],
      expected: {
        p95Before: null,
        p95After: null,
        reasoning: [
          `Latency goes back to what it was before the change${expected.p95Before === null ? '' : ` (P95 about ${Math.round(expected.p95Before)} ms)`}.`,
        ],
      },
      cost: cost && { before: cost.after, after: cost.before, basis: cost.basis },
      risk: assessRisk(edits, [{ level: 'low', reason: 'It brings back what ran before.' }]),
      origin: { by: 'diagnosis' },
      createdAt: now,
    },
    files,
  );
}

function withoutMade(proposal: Omit<Proposal, 'diagnosisId'>) {
  const { id: _id, diff: _diff, diffSha256: _diffSha256, ...rest } = proposal;
  return rest;
}

/** Replacements, in the text after, that give back the text before. */
function turnedBack(before: string, after: string) {
  const replacements: { start: number; end: number; newText: string }[] = [];
  let at = 0;
  let open: { start: number; end: number; newText: string } | undefined;
  for (const part of diffLines(after, before)) {
    if (!part.added && !part.removed) {
      if (open) replacements.push(open);
      open = undefined;
      at += part.value.length;
      continue;
    }
    open ??= { start: at, end: at, newText: '' };
    if (part.added) open.newText += part.value;
    else {
      at += part.value.length;
      open.end = at;
    }
  }
  if (open) replacements.push(open);
  return replacements;
}
