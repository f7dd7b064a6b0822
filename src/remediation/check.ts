import { join } from 'node:path';
import { sha256 } from '../content-hash.ts';
import { Problem } from '../problem.ts';
import { canonicalDiff, type FileChange } from './diff.ts';
import { proposalId } from './draft.ts';
import { applyEdits } from './edits.ts';
import { readProjectFile } from './project-files.ts';
import type { Edit, Proposal } from './proposal.ts';

/** One file of a proposal, as it is and as it would be. */
export interface CheckedFile extends FileChange {
  readonly absolutePath: string;
}

/**
 * The files of a proposal as they are and as they would be, if it still holds: each edit applies strictly to the file as
 * it is now. A Problem where it doesn't, or where a path is one that proposals never touch.
 */
export async function filesOf(projectDir: string, edits: readonly Edit[]): Promise<readonly CheckedFile[]> {
  if (edits.length === 0) {
    throw new Problem('bad-input', 'The proposal changes no file.', 'Propose at least one edit.');
  }
  const byFile = new Map<string, Edit[]>();
  for (const edit of edits) byFile.set(edit.file, [...(byFile.get(edit.file) ?? []), edit]);
  const files: CheckedFile[] = [];
  for (const [file, own] of byFile) {
    const current = await readProjectFile(projectDir, file);
    const after = applyEdits(current, own);
    if (after === current.text) {
      throw new Problem('bad-input', `The edits of ${file} change nothing.`, 'Propose an edit that does.');
    }
    files.push({ file, absolutePath: join(projectDir, file), before: current.text, after });
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/**
 * Checks a proposal against the files as they are now and against itself: its diff, its hash and its id must be the ones
 * that its content gives. A proposal from an inbox is untrusted, and is believed in nothing that can be made anew.
 */
export async function checkProposal(proposal: Proposal): Promise<readonly CheckedFile[]> {
  const files = await filesOf(proposal.stack.projectDir, proposal.edits);
  const diff = canonicalDiff(files);
  if (diff !== proposal.diff || sha256(diff) !== proposal.diffSha256) {
    throw new Problem(
      'stale',
      'The diff of the proposal is not the one that its edits give.',
      'Propose again with the files as they are now.',
    );
  }
  const { id, ...content } = proposal;
  if (id !== proposalId(content)) {
    throw new Problem('refused', 'The id of the proposal is not that of its content.', 'Propose again.');
  }
  return files;
}
