import type { Passage } from './rank.ts';

/** Characters of the documents that are at hand for the next question; the oldest goes first. Their indexes take some fifty times as much. */
const MOST_CHARACTERS = 11_700_000;
/** Characters of a passage that is cut out of a document. */
const PASSAGE_LENGTH = 600;
const BUCKETS = 4096;

/** A place in a document where three characters in a row stand, and the next place in the same bucket. */
interface Posting {
  readonly gram: number;
  readonly place: number;
  readonly next: Posting | null;
}

interface IndexedDocument {
  readonly text: string;
  readonly buckets: readonly (Posting | null)[];
}

/** Documents that people attach to their conversations, each with an index by trigrams, in memory. */
export class Documents {
  readonly #byConversation = new Map<string, IndexedDocument>();
  readonly #most: number;
  #characters = 0;

  constructor(mostCharacters = MOST_CHARACTERS) {
    this.#most = mostCharacters;
  }

  /** Takes a document in; it replaces the conversation's earlier one. */
  add(conversation: string, text: string): void {
    this.#forget(conversation);
    for (const oldest of this.#byConversation.keys()) {
      if (this.#characters + text.length <= this.#most) break;
      this.#forget(oldest);
    }
    this.#byConversation.set(conversation, { text, buckets: indexOf(text) });
    this.#characters += text.length;
  }

  #forget(conversation: string): void {
    this.#characters -= this.#byConversation.get(conversation)?.text.length ?? 0;
    this.#byConversation.delete(conversation);
  }

  /** The passage of the conversation's document that shares most with the message; undefined without a document. */
  bestPassage(conversation: string, message: string): Passage | undefined {
    const document = this.#byConversation.get(conversation);
    if (document === undefined || document.text === '') return undefined;
    const hits = new Uint32Array(Math.ceil(document.text.length / PASSAGE_LENGTH));
    for (let place = 0; place + 3 <= message.length; place += 1) {
      const gram = gramAt(message, place);
      for (let posting = document.buckets[gram % BUCKETS] ?? null; posting; posting = posting.next) {
        if (posting.gram !== gram) continue;
        const passage = Math.floor(posting.place / PASSAGE_LENGTH);
        hits[passage] = (hits[passage] ?? 0) + 1;
      }
    }
    const best = hits.indexOf(Math.max(...hits));
    const text = document.text.slice(best * PASSAGE_LENGTH, (best + 1) * PASSAGE_LENGTH);
    return { id: `document-${best + 1}`, title: 'Attached document', text, score: 1 };
  }
}

function indexOf(text: string): readonly (Posting | null)[] {
  const buckets = new Array<Posting | null>(BUCKETS).fill(null);
  for (let place = 0; place + 3 <= text.length; place += 1) {
    const gram = gramAt(text, place);
    const bucket = gram % BUCKETS;
    buckets[bucket] = { gram, place, next: buckets[bucket] ?? null };
  }
  return buckets;
}

function gramAt(text: string, place: number): number {
  return (
    (text.charCodeAt(place) * 961 + text.charCodeAt(place + 1) * 31 + text.charCodeAt(place + 2)) & 0xfffffff
  );
}
