import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { sha256 } from '../content-hash.ts';

export interface FileChange {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/**
 * The one unified diff of a set of files, made from their final contents: files in the order of their names, three lines
 * of context, `a/` and `b/` before the names. Equal contents give equal text, so its hash stands for what was shown.
 */
export function canonicalDiff(changes: readonly FileChange[]): string {
  return [...changes]
    .filter((change) => change.before !== change.after)
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))
    .map((change) =>
      createTwoFilesPatch(
        `a/${change.file}`,
        `b/${change.file}`,
        change.before,
        change.after,
        undefined,
        undefined,
        {
          context: 3,
          headerOptions: FILE_HEADERS_ONLY,
          // What is hashed must tell CRLF from LF.
          stripTrailingCr: false,
        },
      ),
    )
    .join('');
}

/** SHA-256 of the canonical diff: what an approval names. */
export function diffDigest(changes: readonly FileChange[]): string {
  return sha256(canonicalDiff(changes));
}
