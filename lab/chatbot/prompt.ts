import type { Pacer, Passage, Turn } from './rank.ts';
import { countTokens } from './text.ts';

/** Room for the prompt in the model's context, the answer left aside. */
const TOKEN_BUDGET = 6000;
const KEPT_PASSAGES = 4;
const INSTRUCTIONS =
  'You answer questions about observability. Use the passages below where they fit, name the ones you used, and say so when they do not hold the answer.';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Prompt {
  readonly messages: readonly ChatMessage[];
  readonly tokens: number;
  readonly turnsKept: number;
  readonly passagesKept: number;
}

/**
 * Instructions and best passages first, then as many of the latest turns as fit the budget. Every turn is counted,
 * the dropped ones too: the note that stands in for them says how much was left out.
 */
export async function buildPrompt(
  message: string,
  history: readonly Turn[],
  ranked: readonly Passage[],
  pacer: Pacer,
): Promise<Prompt> {
  const passages = ranked.slice(0, KEPT_PASSAGES);
  const context = passages.map((passage) => `[${passage.id}] ${passage.title}: ${passage.text}`).join('\n');
  let tokens = countTokens(INSTRUCTIONS) + countTokens(context) + countTokens(message);
  let droppedTokens = 0;
  const kept: Turn[] = [];
  for (const turn of history.toReversed()) {
    await pacer.pause();
    const cost = countTokens(turn.content);
    if (droppedTokens === 0 && tokens + cost <= TOKEN_BUDGET) {
      tokens += cost;
      kept.unshift(turn);
    } else {
      droppedTokens += cost;
    }
  }
  const note = droppedTokens > 0 ? `\n(${droppedTokens} tokens of earlier conversation left out.)` : '';
  return {
    messages: [
      { role: 'system', content: `${INSTRUCTIONS}\n${context}${note}` },
      ...kept,
      { role: 'user', content: message },
    ],
    tokens,
    turnsKept: kept.length,
    passagesKept: passages.length,
  };
}
