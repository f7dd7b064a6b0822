import { Problem } from '../problem.ts';
import { fitting } from './answer.ts';

/** Where a list goes on: how many items came before, and the instant the list was made for. */
export interface Cursor {
  readonly offset: number;
  /** Epoch milliseconds: the end of the window, so that every page tells of the same one. */
  readonly at: number;
}

/** Characters that a page's items may take; the rest of the answer needs some too. */
const PAGE_CHARACTERS = 6_800;

/** Reads what an earlier answer gave as `nextCursor`. */
export function readCursor(text: string | undefined, now: number): Cursor {
  if (text === undefined) return { offset: 0, at: now };
  const match = /^(\d{1,6})@(\d{1,15})$/.exec(text);
  if (!match) {
    throw new Problem(
      'bad-input',
      'The cursor is not one that this tool gave.',
      'Give nextCursor as it was answered, or leave it out to start anew.',
    );
  }
  return { offset: Number(match[1]), at: Number(match[2]) };
}

/** One page of a list and where the next begins. */
export function page<T>(
  items: readonly T[],
  cursor: Cursor,
  budget = PAGE_CHARACTERS,
): { readonly items: readonly T[]; readonly total: number; readonly nextCursor?: string } {
  const end = cursor.offset + fitting(items, cursor.offset, budget);
  return {
    items: items.slice(cursor.offset, end),
    total: items.length,
    ...(end < items.length ? { nextCursor: `${end}@${cursor.at}` } : {}),
  };
}
