import type { CauseKind, Verdict } from '../diagnosis.ts';

export interface Ranked {
  readonly target: string;
  readonly kind: CauseKind;
  /** Greater is likelier; only the order counts. */
  readonly score: number;
}

export interface Answer {
  readonly verdict: Verdict;
  /** Best first; empty when nothing is wrong. */
  readonly ranking: readonly Ranked[];
}
