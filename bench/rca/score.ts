import type { CauseKind } from '../../src/diagnosis/diagnosis.ts';
import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import type { Truth } from './layout.ts';

/** Kinds that say the same as one of the layout's names of faults. */
const SAME_KIND: ReadonlyMap<string, readonly string[]> = new Map([
  ['cpu', ['cpu', 'throttling']],
  ['memory', ['memory']],
  ['network', ['network']],
  ['code-error', ['errors', 'application', 'change']],
]);

export interface Score {
  /** 1 for the first; null when it is not in the ranking. Of equal scores the last place counts. */
  readonly rank: number | null;
  /** True when the answer to the question "is anything wrong?" is right. */
  readonly verdictRight: boolean;
  /** Null where the truth names no kind. */
  readonly kindRight: boolean | null;
}

/** Scores one answer. What is equal to the right one is ranked before it: never in our favour. */
export function scoreAnswer(answer: Answer, truth: Truth): Score {
  const saysWrong = answer.verdict !== 'nothing-wrong' && answer.verdict !== 'undetermined';
  if (truth.target === null)
    return { rank: null, verdictRight: answer.verdict === 'nothing-wrong', kindRight: null };
  const hit = answer.ranking.find((one) => one.target === truth.target);
  return {
    rank: hit === undefined ? null : answer.ranking.filter((one) => one.score >= hit.score).length,
    verdictRight: saysWrong,
    kindRight: isSameKind(hit?.kind ?? null, truth),
  };
}

/** Null where the truth names no kind that the engine has a word for. */
export function isSameKind(kind: CauseKind | null, truth: Truth): boolean | null {
  const same = truth.kind === null ? undefined : SAME_KIND.get(truth.kind);
  return same === undefined ? null : kind !== null && same.includes(kind);
}

/** 95 % interval of a proportion by Wilson's score: right for few cases and near 0 and 1 too. Null for no cases. */
export function wilson(hits: number, n: number): readonly [low: number, high: number] | null {
  if (n === 0) return null;
  const z = 1.959964;
  const share = hits / n;
  const centre = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
