import { contentId, sha256 } from '../content-hash.ts';
import { canonicalDiff, type FileChange } from './diff.ts';
import type { Proposal } from './proposal.ts';

/** A proposal without what is made from the rest of it. */
export type Draft = Omit<Proposal, 'id' | 'diff' | 'diffSha256'>;

/** Completes a draft: the diff from the files as they are and as they would be, its hash, the id. */
export function complete(draft: Draft, changes: readonly FileChange[]): Proposal {
  const diff = canonicalDiff(changes);
  const content = { ...draft, diff, diffSha256: sha256(diff) };
  return { id: proposalId(content), ...content };
}

/** The id that a proposal's content has; `createdAt` is no part of it, so that asking twice gives one proposal. */
export function proposalId(content: Omit<Proposal, 'id'>): string {
  const { createdAt: _createdAt, ...rest } = content;
  return contentId('pr', rest);
}
