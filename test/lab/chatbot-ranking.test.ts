import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { embed } from '../../lab/chatbot/embedding.ts';
import { buildPrompt } from '../../lab/chatbot/prompt.ts';
import { Pacer, type Passage, rerank, type Turn } from '../../lab/chatbot/rank.ts';
import { countTokens } from '../../lab/chatbot/text.ts';
import { CORPUS } from '../../lab/cloud/opensearch/corpus.ts';

const passages: Passage[] = CORPUS.map((passage, index) => ({ ...passage, id: `p${index}`, score: 0 }));
const turns = fc.array(
  fc.record({
    role: fc.constantFrom<Turn['role'][]>('user', 'assistant'),
    content: fc.lorem({ maxCount: 20 }),
  }),
  { maxLength: 6 },
);

describe('rerank', () => {
  test('puts the passage that the question is about first', async () => {
    const ranked = await rerank(
      'What happens when a container uses up its CPU quota?',
      [],
      passages,
      new Pacer(),
    );
    expect(ranked[0]?.title).toBe('CPU throttling');
  });

  test('takes what was said before into account', async () => {
    const history: Turn[] = [
      { role: 'user', content: 'How does a Fargate task get its CPU size in units and its memory size?' },
    ];
    const place = async (said: readonly Turn[]): Promise<number> => {
      const ranked = await rerank('Tell me more.', said, passages, new Pacer());
      return ranked.findIndex((passage) => passage.title === 'Task sizes');
    };
    expect(await place(history)).toBeLessThan(await place([]));
  });

  test.prop([fc.lorem(), turns], { numRuns: 25 })(
    'keeps every passage and sorts by score',
    async (message, history) => {
      const ranked = await rerank(message, history, passages.slice(0, 6), new Pacer());
      expect(ranked.map(({ id }) => id).sort()).toEqual(
        passages
          .slice(0, 6)
          .map(({ id }) => id)
          .sort(),
      );
      const scores = ranked.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((one, other) => other - one));
    },
  );

  test('has no passages to rank and no words to rank by', async () => {
    expect(await rerank('?!', [], [], new Pacer())).toEqual([]);
  });
});

describe('buildPrompt', () => {
  test('keeps the latest turns within the budget and says what it left out', async () => {
    const history: Turn[] = Array.from({ length: 400 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `Turn ${index}: why does the latency of the service grow when its queue does?`,
    }));
    const prompt = await buildPrompt('And now?', history, passages, new Pacer());
    expect(prompt.tokens).toBeLessThanOrEqual(6000);
    expect(prompt.turnsKept).toBeGreaterThan(0);
    expect(prompt.turnsKept).toBeLessThan(400);
    expect(prompt.messages.slice(1, -1)).toEqual(history.slice(-prompt.turnsKept));
    expect(prompt.messages[0]?.content).toMatch(/\d+ tokens of earlier conversation left out/);
  });
});

describe('text', () => {
  test.prop([fc.string(), fc.string()])('tokens of two texts add up', (one, other) => {
    expect(countTokens(`${one} ${other}`)).toBe(countTokens(one) + countTokens(other));
  });

  test.prop([fc.lorem({ maxCount: 12 })])('an embedding is a unit vector, the same each time', (text) => {
    const vector = embed(text);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(embed(text)).toEqual(vector);
  });
});
