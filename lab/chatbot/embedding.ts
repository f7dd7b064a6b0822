import { hash32, words } from './text.ts';

/** Numbers in a vector, of a word as of a text. */
export const EMBEDDING_DIMENSIONS = 64;

/**
 * A word as a unit vector made of its character trigrams (feature hashing, as fastText does for subwords): spelling
 * variants and inflections come out near one another, with no model and the same on every machine.
 */
export function wordVector(word: string): Float32Array {
  const vector = new Float32Array(EMBEDDING_DIMENSIONS);
  const padded = `<${word}>`;
  for (let start = 0; start + 3 <= padded.length; start += 1) {
    const hash = hash32(padded.slice(start, start + 3));
    const slot = hash % EMBEDDING_DIMENSIONS;
    vector[slot] = (vector[slot] ?? 0) + (hash & 0x10000 ? 1 : -1);
  }
  return normalise(vector);
}

/** A text as the normalised sum of its words' vectors. */
export function embed(text: string): Float32Array {
  const sum = new Float32Array(EMBEDDING_DIMENSIONS);
  for (const word of words(text)) {
    for (const [index, value] of wordVector(word).entries()) sum[index] = (sum[index] ?? 0) + value;
  }
  return normalise(sum);
}

function normalise(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
