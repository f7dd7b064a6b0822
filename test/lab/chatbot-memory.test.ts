import { expect, test } from 'vitest';
import { AskedQuestions } from '../../lab/chatbot/asked-questions.ts';
import { Documents } from '../../lab/chatbot/documents.ts';

test('a document gives the passage that shares most with the question', () => {
  const documents = new Documents();
  const filler = 'Nothing of interest stands on this page. '.repeat(40);
  documents.add('one', `${filler}Throttled containers slow everything down alike. ${filler}`);
  documents.add('two', filler);
  const passage = documents.bestPassage('one', 'What do throttled containers slow down?');
  expect(passage?.text).toContain('Throttled containers');
  expect(documents.bestPassage('two', 'Throttled containers?')?.text).not.toContain('Throttled');
  expect(documents.bestPassage('none', 'Throttled containers?')).toBeUndefined();
});

test('a later document replaces the earlier one of its conversation, and the oldest conversations go', () => {
  const documents = new Documents(1_000);
  documents.add('one', 'about cats');
  documents.add('one', 'about dogs');
  expect(documents.bestPassage('one', 'dogs')?.text).toBe('about dogs');
  for (let n = 0; n < 200; n += 1) documents.add(`later ${n}`, 'short');
  documents.add('later 199', 'short');
  expect(documents.bestPassage('one', 'dogs')).toBeUndefined();
  expect(documents.bestPassage('later 199', 'short')?.text).toBe('short');
});

test('questions are counted, and nothing is forgotten', async () => {
  const asked = new AskedQuestions();
  expect(await asked.count('Why is it slow?')).toBe(0);
  expect(await asked.count('Is it the model?')).toBe(0);
  expect(await asked.count('Why is it slow?')).toBe(1);
  expect(await asked.count('Why is it slow?')).toBe(2);
  expect(await asked.count('Is it the model?')).toBe(1);
});
