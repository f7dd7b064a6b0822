import { setTimeout as sleep } from 'node:timers/promises';
import { embed } from './embedding.ts';

/** Comparisons after which other requests get their turn, and for how long. */
const COMPARED_AT_ONCE = 6;
const GIVE_WAY_MS = 40;

interface Asked {
  readonly message: string;
  readonly vector: Float32Array;
  times: number;
}

/**
 * The questions that were asked so far, for telling how often one like it comes. As many a team has written it: right
 * in every test, and nothing is ever forgotten, so that each new question makes all later ones slower.
 */
export class AskedQuestions {
  readonly #asked: Asked[] = [];

  /** Counts the question, and returns how often it or one nearly like it was asked before. */
  async count(message: string): Promise<number> {
    const vector = embed(message);
    for (const [index, asked] of this.#asked.entries()) {
      if (index > 0 && index % COMPARED_AT_ONCE === 0) await sleep(GIVE_WAY_MS);
      if (asked.message !== message && similarity(asked.vector, vector) < 0.999) continue;
      asked.times += 1;
      return asked.times - 1;
    }
    this.#asked.push({ message, vector, times: 1 });
    return 0;
  }
}

/** Cosine of the angle between two unit vectors. */
function similarity(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
}
