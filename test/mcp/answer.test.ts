import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { ANSWER_CHARACTERS, cleanse, line, plain, shorten, sizeOf } from '../../src/mcp/answer.ts';
import { page, readCursor } from '../../src/mcp/page.ts';

const same = (text: string) => text;

describe('plain', () => {
  property.prop([fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 200 })])(
    'is well-formed, within its length, and the same when cleaned again',
    (text, limit) => {
      const clean = plain(text, limit);
      expect(clean.length).toBeLessThanOrEqual(limit);
      expect(clean).not.toMatch(/\p{Surrogate}/u);
      expect(plain(clean, limit)).toBe(clean);
    },
  );

  test('keeps text, tabs and line ends, drops what is not seen', () => {
    expect(plain('a\tb\r\nç 漢 🙂')).toBe('a\tb\r\nç 漢 🙂');
    expect(plain('a\u0000\u001b[31m\u202eb\u200b\u{e0041}\ufeff')).toBe('a[31mb');
    expect(line(' a\n\n b ')).toBe('a b');
  });

  test('a pair of surrogates is kept or cut as one', () => {
    expect(plain('🙂🙂', 4)).toBe('🙂🙂');
    expect(plain('🙂🙂', 3)).toBe('🙂…');
    expect(plain('🙂🙂', 2)).toBe('…');
  });
});

describe('cleanse', () => {
  property.prop([fc.anything({ maxDepth: 4 })])('gives what JSON can hold', (value) => {
    const clean = cleanse(value, same);
    expect(JSON.parse(JSON.stringify(clean))).toEqual(clean);
  });

  test('a negative zero is a zero', () => {
    expect(cleanse({ a: -0 }, same)).toEqual({ a: 0 });
  });

  test('what is not a number is null, never zero', () => {
    expect(cleanse({ a: Number.NaN, b: [undefined, 1], c: undefined }, same)).toEqual({
      a: null,
      b: [null, 1],
    });
  });

  test('redacts at every depth', () => {
    const redact = (text: string) => text.replaceAll('key', '[secret]');
    expect(cleanse({ a: [{ b: 'my key' }] }, redact)).toEqual({ a: [{ b: 'my [secret]' }] });
  });
});

describe('shorten', () => {
  const item = fc.record({ id: fc.string({ maxLength: 40 }), text: fc.string({ maxLength: 300 }) });

  property.prop([fc.array(item, { maxLength: 60 }), fc.array(item, { maxLength: 60 })])(
    'fits, keeps the first of each list, and says what is missing',
    (first, second) => {
      const answer = { id: 'x', first, second };
      const shortened = shorten(answer, ['first', 'second'], 3_000);
      expect(sizeOf(shortened)).toBeLessThanOrEqual(3_000);
      expect(shortened['id']).toBe('x');
      const kept = shortened['second'] as typeof second;
      expect(kept).toEqual(second.slice(0, kept.length));
      const whole =
        (shortened['first'] as typeof first).length === first.length && kept.length === second.length;
      expect(shortened['cut'] === undefined).toBe(whole);
    },
  );

  test('leaves alone what fits', () => {
    const answer = { list: [1, 2, 3] };
    expect(shorten(answer, ['list'], ANSWER_CHARACTERS)).toEqual(answer);
  });
});

describe('pages', () => {
  property.prop([
    fc.array(fc.string({ maxLength: 200 }), { maxLength: 200 }),
    fc.integer({ min: 1, max: 2_000 }),
  ])('give every item once, in order', (items, budget) => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const one = page(items, readCursor(cursor, 1_700_000_000_000), budget);
      expect(one.total).toBe(items.length);
      seen.push(...one.items);
      cursor = one.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(items);
  });

  test.each(['', '1', '-1@5', '1@', 'x@1', '1@1@1', `${'9'.repeat(9)}@1`])('refuse the cursor %j', (text) => {
    expect(() => readCursor(text, 0)).toThrow(/cursor/);
  });

  test('past the end there is nothing', () => {
    expect(page(['a'], readCursor('5@1', 0))).toEqual({ items: [], total: 1 });
  });
});
