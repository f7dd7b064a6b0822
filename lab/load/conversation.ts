/** One turn of a conversation in the chatbot's wire format. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

const QUESTIONS = [
  'Why did the checkout become slow after the deployment on Tuesday, and which span should I open first?',
  'How do I tell a throttled container from a slow dependency when both look the same from outside?',
  'What does the ninety-fifth percentile hide that the ninety-ninth would show for this endpoint?',
  'Can the connection pool be the reason why the first request of each minute takes so long?',
  'Which attributes should the retrieval span carry so that I can compare vector stores later?',
  'Is it the model that is slow, or the time our requests wait before they reach it?',
];
const ANSWERS = [
  'Compare the two windows by operation first. If one operation grew and its children did not, the time was spent in that process itself; look at processor utilisation against its reservation before you blame the network.',
  'A throttled container slows everything that runs in it by the same factor, while a slow dependency shows in its own client span only. Utilisation near the reservation supports the former, idle processors the latter.',
  'Percentiles say nothing about how many requests stand behind them. With fewer than a hundred requests in a window the ninety-ninth is a single unlucky request, so read it together with the count.',
  'Pools that shrink when idle must open connections again under load. The first spans after a quiet period then include the handshake; later ones do not. Keep a minimum size and compare.',
  'Record the index, the number of candidates asked for and returned, and the address of the server. Keep the query text out of it, since it may hold what users typed.',
  'Subtract the duration that the server reports from what the client measured. What remains was spent in queues and on the wire, and more capacity on the server would not change it.',
];

/** A conversation of `length` turns, users and assistant in turn; `offset` varies where it starts. */
export function makeConversation(length: number, offset: number): Turn[] {
  return Array.from({ length }, (_, index) => {
    const place = index + 2 * offset;
    return index % 2 === 0
      ? { role: 'user', content: pick(QUESTIONS, place >> 1) }
      : { role: 'assistant', content: pick(ANSWERS, place >> 1) };
  });
}

/** The question a user asks next. */
export function nextQuestion(offset: number): string {
  return pick(QUESTIONS, offset);
}

/** A text of so many KiB, as people attach it to a question. */
export function makeDocument(kib: number, offset: number): string {
  const sentences = ANSWERS.map((_, index) => pick(ANSWERS, index + offset)).join(' ');
  return sentences.repeat(Math.ceil((kib * 1024) / sentences.length)).slice(0, kib * 1024);
}

function pick(texts: readonly string[], place: number): string {
  return texts[place % texts.length] ?? '';
}
