import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalDiff, diffDigest } from '../../src/remediation/diff.ts';
import { applyEdits, buildEdits, decodeFile, withLineEndsOf } from '../../src/remediation/edits.ts';
import { checkPath } from '../../src/remediation/paths.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const file = (text: string) => decodeFile('index.ts', bytes(text));

/** Few letters and many line ends: most parts occur more than once. */
const repetitive = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', '\n', '\r\n'),
  minLength: 1,
  maxLength: 80,
});

const replacements = repetitive.chain((text) =>
  fc
    .uniqueArray(fc.nat(text.length), { minLength: 2, maxLength: 6 })
    .map((cuts) => cuts.sort((a, b) => a - b))
    .chain((cuts) =>
      fc
        .array(fc.string({ maxLength: 5 }), { minLength: cuts.length, maxLength: cuts.length })
        .map((texts) => ({
          text,
          parts: cuts.flatMap((start, index) => {
            const end = cuts[index + 1];
            return index % 2 === 0 && end !== undefined ? [{ start, end, newText: texts[index] ?? '' }] : [];
          }),
        })),
    ),
);

describe('edits', () => {
  test('what is built matches exactly once, and applying it makes exactly the replacements', () => {
    fc.assert(
      fc.property(replacements, ({ text, parts }) => {
        const edits = buildEdits(file(text), parts);
        for (const { oldText } of edits) {
          expect(oldText === '' ? -1 : text.indexOf(oldText)).toBe(
            oldText === '' ? -1 : text.lastIndexOf(oldText),
          );
        }
        if (edits.some((edit) => edit.oldText === '')) return;
        let expected = '';
        let at = 0;
        for (const part of parts) {
          expected += text.slice(at, part.start) + part.newText;
          at = part.end;
        }
        expect(applyEdits(file(text), edits)).toBe(expected + text.slice(at));
      }),
    );
  });

  test('nothing but the one match is ever changed', () => {
    fc.assert(
      fc.property(repetitive, repetitive, fc.string({ maxLength: 5 }), (text, oldText, newText) => {
        const matches = text.split('').filter((_, index) => text.startsWith(oldText, index)).length;
        const apply = () =>
          applyEdits(file(text), [{ file: 'index.ts', baseSha256: file(text).sha256, oldText, newText }]);
        if (matches === 1) expect(apply()).toBe(text.replace(oldText, () => newText));
        else expect(apply).toThrow(matches === 0 ? /nowhere/ : /more than once/);
      }),
    );
  });

  test('a byte order mark and line ends stay', () => {
    const text = '\ufeffconst a = 1;\r\nconst b = 2;\r\n';
    const edits = buildEdits(file(text), [
      { start: text.indexOf('2'), end: text.indexOf('2') + 1, newText: '3' },
    ]);
    expect(edits[0]?.oldText).toBe('const b = 2;');
    expect(applyEdits(file(text), edits)).toBe(text.replace('2', '3'));
  });

  test('bare line feeds of a model become the line ends of the file', () => {
    const current = file('a\r\nb\r\n');
    const edit = { file: 'index.ts', baseSha256: current.sha256, oldText: 'a\nb', newText: 'a\nc' };
    expect(applyEdits(current, [withLineEndsOf(current, edit)])).toBe('a\r\nc\r\n');
    expect(withLineEndsOf(file('a\nb\r\n'), edit)).toBe(edit);
  });

  test('another file than the one it was made for, overlaps and binaries are refused', () => {
    const edit = { file: 'index.ts', baseSha256: file('old').sha256, oldText: 'a', newText: 'b' };
    expect(() => applyEdits(file('a'), [edit])).toThrow(/not as it was/);
    const twice = { ...edit, baseSha256: file('abc').sha256, oldText: 'ab' };
    expect(() => applyEdits(file('abc'), [twice, { ...twice, oldText: 'bc' }])).toThrow(/same text/);
    expect(() => decodeFile('x', new Uint8Array([0x61, 0]))).toThrow(/UTF-8/);
    expect(() => decodeFile('x', new Uint8Array([0xff, 0xfe]))).toThrow(/UTF-8/);
  });

  test('what matches nowhere is answered with the nearest line', () => {
    const current = file('const cpu = "512";\nconst other = 1;\n');
    const edit = { file: 'index.ts', baseSha256: current.sha256, oldText: 'let cpu = "512"', newText: '' };
    expect(() => applyEdits(current, [edit])).toThrow(/nearest: line 1/);
  });
});

describe('the canonical diff', () => {
  const change = { file: 'index.ts', before: 'a\nb\n', after: 'a\nc\n' };

  test('is the same for the same contents, in any order, and tells line ends apart', () => {
    const other = { file: 'a.ts', before: 'x\n', after: 'y\n' };
    expect(canonicalDiff([change, other])).toBe(canonicalDiff([other, change]));
    expect(canonicalDiff([change])).toBe('--- a/index.ts\n+++ b/index.ts\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n');
    expect(diffDigest([change])).not.toBe(diffDigest([{ ...change, after: 'a\r\nc\n' }]));
    expect(canonicalDiff([{ ...change, after: change.before }])).toBe('');
  });

  test('two different results of one file never have one hash', () => {
    fc.assert(
      fc.property(repetitive, repetitive, repetitive, (before, one, two) => {
        fc.pre(one !== two);
        const digest = (after: string) => diffDigest([{ file: 'f', before, after }]);
        expect(digest(one)).not.toBe(digest(two));
      }),
    );
  });
});

test.each([
  '../index.ts',
  '/etc/passwd',
  'a/../../b',
  'a\\b',
  'C:/x',
  '',
  '.',
  'a//b',
  './a',
  'a\0b',
  'con',
  'a/nul.txt',
  'x. ',
  '.git/config',
  'node_modules/x/index.js',
  '.github/workflows/ci.yml',
  'infra/.gitlab-ci.yml',
  'Jenkinsfile',
  '.vscode/tasks.json',
  '.env',
  '.env.local',
  '.npmrc',
  '.ci/run',
  'a/.GitHub/workflows/x.yml',
  'a\u202e/x\n',
])('the path %j is refused', (path) => {
  expect(() => checkPath(path)).toThrow(/can't change/);
});

test.each(['index.ts', 'src/a b.ts', 'Pulumi.dev.yaml', 'lib/größe.ts', 'environment.ts'])(
  'the path %j is taken',
  (path) => {
    expect(() => checkPath(path)).not.toThrow();
  },
);
