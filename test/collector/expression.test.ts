import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExpressionError, parseExpression } from '../../src/collector/expression.ts';
import { onlyRow, openStore, T0, type TestStore } from './open-store.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openStore();
  await opened.append([
    {
      time: T0 + 0.25,
      fields: { n: 7n, f: 2.5, s: 'text', b: true, 'my col': 'spaced', 'http.status': 404n, digits: '12.5' },
    },
    { dataset: 'other', fields: { absent: 'x' } },
  ]);
});
afterAll(() => opened.close());

const evaluate = async (expression: string): Promise<unknown> => {
  const spec = { breakdowns: ['value'], calculated_fields: [{ name: 'value', expression }] };
  return onlyRow(await opened.query(spec))['value'];
};

describe('calculated fields', () => {
  it.each([
    ['IF($b, "yes", "no")', 'yes'],
    ['IF(EQUALS($n, 1), "one", EQUALS($n, 7), "seven", "many")', 'seven'],
    ['IF(GT($n, 100), "big")', null],
    ['IF($b, $n, $f)', 7],
    ['IF($b, $n, $s)', '7'],
    ['SWITCH($n, 1, "one", 7, "seven", "many")', 'seven'],
    ['SWITCH($s, "a", 1, "b", 2)', null],
    ['COALESCE(null, $s, "x")', 'text'],
    ['EQUALS($n, 7.0)', true],
    ['EQUALS($n, "7")', false],
    ['EQUALS(null, null)', false],
    ['NOT(EQUALS($s, "text"))', false],
    ['AND($b, GT($n, 1), LTE($n, 7))', true],
    ['OR(false, LT($n, 1), GTE($f, 2.5))', true],
    ['LT($s, 5)', false],
    ['LT($s, "z")', true],
    ['IN($s, "a", "text")', true],
    ['IN($n, 1, 2)', false],
    ['EXISTS($s)', true],
    ['CONTAINS($s, "ex")', true],
    ['STARTS_WITH($s, "te")', true],
    ['ENDS_WITH($s, "te")', false],
    ['REG_MATCH($s, `^t.x`)', true],
    ['REG_VALUE($s, "t(.)x")', 'e'],
    ['CONCAT($s, "-", $n, "-", $f, "-", $b)', 'text-7-2.5-true'],
    ['BUCKET($n, 5)', 5],
    ['BUCKET($n, 5, 0, 6)', 6],
    ['INT($f)', 2],
    ['INT($digits)', 12],
    ['FLOAT($digits)', 12.5],
    ['BOOL($n)', true],
    ['STRING($f)', '2.5'],
    ['$n + 1 * 2', 9],
    ['($n + 1) * 2', 16],
    ['$n - 1 - 1', 5],
    ['-$n', -7],
    ['$n / 2', 3.5],
    ['$n / 0', null],
    ['$n + $s', 7],
    ['"2.5" + 1', 3.5],
    ['$"my col"', 'spaced'],
    ['$http.status >= 400 AND !$b', false],
    ['$http.status = 404 OR false', true],
    ['"a\\"b\\u00e9\\n"', 'a"bé\n'],
    ['IF(EXISTS($n), "yes", "no",)', 'yes'],
    ['MIN($n, $f, "a")', 2.5],
    ['LOG10(1000)', 3],
    ['LENGTH($s)', 4],
    ['"\'; DROP TABLE events; --"', "'; DROP TABLE events; --"],
  ])('%s is %j', async (expression, expected) => {
    expect(await evaluate(expression)).toEqual(expected);
  });

  it('have the time of the event in seconds', async () => {
    expect(await evaluate('EVENT_TIMESTAMP()')).toBeCloseTo(T0 + 0.25, 3);
    expect(await evaluate(`IF(GTE(EVENT_TIMESTAMP(), ${T0}), "incident", "baseline")`)).toBe('incident');
  });

  it('refuse columns of other datasets, and say so', async () => {
    await expect(evaluate('EXISTS($absent)')).rejects.toThrow(/exists in other datasets/);
  });

  it('may refer to one another', async () => {
    const spec = {
      breakdowns: ['outer'],
      calculated_fields: [
        { name: 'outer', expression: 'CONCAT($inner, "!")' },
        { name: 'inner', expression: 'IF($b, "in", "out")' },
      ],
    };
    expect(onlyRow(await opened.query(spec))['outer']).toBe('in!');
  });
});

describe('the parser', () => {
  it('answers every text with a tree or with a place', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'IF',
        'AND',
        '(',
        ')',
        ',',
        '$',
        '"',
        '`',
        '\\',
        '+',
        '-',
        '!',
        '=',
        '>=',
        '1.5e',
        'null',
        ' ',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const source = pieces.join('');
        try {
          expect(parseExpression(source)).toHaveProperty('kind');
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
          expect((error as ExpressionError).offset).toBeLessThanOrEqual(source.length);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses what nests too deeply', () => {
    for (const source of ['('.repeat(5_000), '!'.repeat(5_000), 'NOT('.repeat(5_000), '1+'.repeat(5_000)]) {
      expect(() => parseExpression(source)).toThrow(ExpressionError);
    }
    expect(parseExpression(Array(3_000).fill('1').join('+'))).toHaveProperty('kind', 'call');
  });
});
