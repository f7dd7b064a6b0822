import { setImmediate as nextTurn } from 'node:timers/promises';
import { EMBEDDING_DIMENSIONS, wordVector } from './embedding.ts';
import { words } from './text.ts';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Passage {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly score: number;
}

/** Passages that are asked for and ranked; the best of them go into the prompt. */
export const CANDIDATES = 12;
/** Work between two looks at the event loop: new requests, answers and health checks wait no longer than this. */
const SLICE_MS = 8;
/** How much a turn counts, compared with the one after it. */
const AGE_WEIGHT = 0.97;
/** Okapi BM25's usual constants (Robertson & Zaragoza, 2009). */
const K1 = 1.2;
const B = 0.75;

/** Gives the event loop its turn once a slice of work is done; one per request, so that requests share the CPU. */
export class Pacer {
  #sliceStarted = performance.now();

  async pause(): Promise<void> {
    if (performance.now() - this.#sliceStarted < SLICE_MS) return;
    await nextTurn();
    this.#sliceStarted = performance.now();
  }
}

/**
 * Orders passages by how well they fit the whole conversation, the last message most of all: BM25 for exact words,
 * late interaction (for each word of the turn the best match among the passage's words; Khattab & Zaharia, 2020) for
 * near ones. Costs CPU in proportion to turns × words × passages.
 */
export async function rerank(
  message: string,
  history: readonly Turn[],
  passages: readonly Passage[],
  pacer: Pacer,
): Promise<Passage[]> {
  const vectors = new Map<string, Float32Array>();
  const documents = passages.map((passage) => readDocument(passage, vectors));
  const meanLength = documents.reduce((sum, document) => sum + document.length, 0) / (documents.length || 1);
  const inverseFrequency = (term: string): number => {
    const holding = documents.reduce((count, document) => count + (document.counts.has(term) ? 1 : 0), 0);
    return Math.log(1 + (documents.length - holding + 0.5) / (holding + 0.5));
  };
  const totals = new Float64Array(documents.length);
  const conversation = [...history, { role: 'user', content: message } satisfies Turn];
  for (const [index, turn] of conversation.entries()) {
    await pacer.pause();
    const weight = AGE_WEIGHT ** (conversation.length - 1 - index);
    const terms = words(turn.content);
    if (terms.length === 0) continue;
    const rarity = terms.map(inverseFrequency);
    const termVectors = terms.map((term) => vectorOf(term, vectors));
    for (const [place, document] of documents.entries()) {
      const exact = bm25(terms, rarity, document, meanLength) / terms.length;
      const near = lateInteraction(termVectors, document.matrix);
      totals[place] = (totals[place] ?? 0) + weight * (0.5 * exact + near);
    }
  }
  return passages
    .map((passage, place) => ({ ...passage, score: totals[place] ?? 0 }))
    .sort((one, other) => other.score - one.score);
}

interface Document {
  readonly length: number;
  readonly counts: ReadonlyMap<string, number>;
  /** The vectors of its words, one after the other. */
  readonly matrix: Float32Array;
}

function readDocument(passage: Passage, vectors: Map<string, Float32Array>): Document {
  const terms = words(`${passage.title} ${passage.text}`);
  const counts = new Map<string, number>();
  const matrix = new Float32Array(terms.length * EMBEDDING_DIMENSIONS);
  for (const [place, term] of terms.entries()) {
    counts.set(term, (counts.get(term) ?? 0) + 1);
    matrix.set(vectorOf(term, vectors), place * EMBEDDING_DIMENSIONS);
  }
  return { length: terms.length, counts, matrix };
}

function vectorOf(word: string, known: Map<string, Float32Array>): Float32Array {
  let vector = known.get(word);
  if (vector === undefined) {
    vector = wordVector(word);
    known.set(word, vector);
  }
  return vector;
}

function bm25(
  terms: readonly string[],
  rarity: readonly number[],
  document: Document,
  meanLength: number,
): number {
  const norm = K1 * (1 - B + (B * document.length) / (meanLength || 1));
  let score = 0;
  for (const [place, term] of terms.entries()) {
    const count = document.counts.get(term) ?? 0;
    score += ((rarity[place] ?? 0) * count * (K1 + 1)) / (count + norm);
  }
  return score;
}

function lateInteraction(termVectors: readonly Float32Array[], matrix: Float32Array): number {
  let sum = 0;
  for (const vector of termVectors) {
    let best = 0;
    for (let start = 0; start < matrix.length; start += EMBEDDING_DIMENSIONS) {
      let dot = 0;
      for (let index = 0; index < EMBEDDING_DIMENSIONS; index += 1) {
        dot += (vector[index] ?? 0) * (matrix[start + index] ?? 0);
      }
      if (dot > best) best = dot;
    }
    sum += best;
  }
  return sum / (termVectors.length || 1);
}
