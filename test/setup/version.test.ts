import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { compareVersions, isAtLeast, parseVersion } from '../../lab/setup/version.mjs';

const part = fc.nat({ max: 10_000 });
const version = fc.tuple(part, part, part);

describe('versions', () => {
  test.each([
    ['v24.21.0', [24, 21, 0]],
    ['go version go1.26.8 linux/amd64', [1, 26, 8]],
    ['3.259.0-alpha.1+dirty', [3, 259, 0]],
    ['go1.25', [1, 25, 0]],
    ['no number', undefined],
  ])('%s', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });

  test.prop([version])('are read as they are written', (written) => {
    expect(parseVersion(`v${written.join('.')}`)).toEqual(written);
  });

  test.prop([version, version])('have one order', (a, b) => {
    // `+ 0` makes one zero of the two that JavaScript has.
    expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
    expect(compareVersions(a, a)).toBe(0);
    expect(isAtLeast(a.join('.'), b)).toBe(compareVersions(a, b) >= 0);
  });

  test('count as numbers, not as text', () => {
    expect(isAtLeast('3.99.0', [3, 240, 0])).toBe(false);
    expect(isAtLeast('24.0.0', [24, 0, 0])).toBe(true);
    expect(isAtLeast('', [0, 0, 0])).toBe(false);
  });
});
