import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  dataset,
  honeycombKey,
  honeycombUrl,
  lookbackMinutes,
  workspaceFolders,
} from '../../src/mcp/configuration.ts';
import { compileCacheDirectory, stateDirectory } from '../../src/mcp/directories.ts';

test('the address: the one given, the cloud where there is a key, else the local collector', () => {
  const key = { HONEYCOMB_API_KEY: 'k' };
  expect(honeycombUrl({})).toBe('http://127.0.0.1:4318');
  expect(honeycombUrl(key)).toBe('https://api.honeycomb.io');
  expect(honeycombUrl({ ...key, HONEYCOMB_API_ENDPOINT: 'https://api.eu1.honeycomb.io' })).toBe(
    'https://api.eu1.honeycomb.io',
  );
  expect(
    honeycombUrl({ PLUMBLINE_HONEYCOMB_URL: 'http://127.0.0.1:1', HONEYCOMB_API_ENDPOINT: 'https://x' }),
  ).toBe('http://127.0.0.1:1');
});

test.each(['not a url', 'file:///etc/passwd', 'javascript:0'])('refuses the address %j', (url) => {
  expect(() => honeycombUrl({ PLUMBLINE_HONEYCOMB_URL: url })).toThrow(/not an http/);
});

test('the key: the one given; none is needed on this machine, but elsewhere', () => {
  expect(honeycombKey({ HONEYCOMB_API_KEY: 'k' }, 'https://api.honeycomb.io')).toBe('k');
  expect(honeycombKey({}, 'http://127.0.0.1:4318')).toBe('local');
  expect(() => honeycombKey({}, 'https://api.honeycomb.io')).toThrow(/No key for api\.honeycomb\.io/);
});

test('the workspace: a JSON array of absolute paths, else the current folder', () => {
  const here = join('/', 'here');
  expect(workspaceFolders({}, here)).toEqual([here]);
  expect(workspaceFolders({ PLUMBLINE_WORKSPACE: '[]' }, here)).toEqual([]);
  expect(workspaceFolders({ PLUMBLINE_WORKSPACE: JSON.stringify([join('/', 'a')]) }, here)).toEqual([
    join('/', 'a'),
  ]);
  for (const text of ['/a', '{"a":1}', '["relative"]', '[1]']) {
    expect(() => workspaceFolders({ PLUMBLINE_WORKSPACE: text }, here)).toThrow(/PLUMBLINE_WORKSPACE/);
  }
});

test('dataset and lookback', () => {
  expect(dataset({})).toBe('__all__');
  expect(dataset({ PLUMBLINE_DATASET: 'shop' })).toBe('shop');
  expect(lookbackMinutes({})).toBe(60);
  expect(lookbackMinutes({ PLUMBLINE_LOOKBACK_MINUTES: '15' })).toBe(15);
  expect(lookbackMinutes({ PLUMBLINE_LOOKBACK_MINUTES: 'soon' })).toBe(60);
});

describe('folders follow the platform', () => {
  const home = { HOME: '/home/me', USERPROFILE: '/home/me' };
  test.each([
    ['linux', {}, '/home/me/.cache/plumbline/compiled', '/home/me/.local/state/plumbline'],
    ['linux', { XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' }, '/c/plumbline/compiled', '/s/plumbline'],
    [
      'darwin',
      {},
      '/home/me/Library/Caches/plumbline/compiled',
      '/home/me/Library/Application Support/plumbline',
    ],
    ['win32', { LOCALAPPDATA: '/l' }, '/l/plumbline/compiled', '/l/plumbline'],
  ] as const)('%s %j', (platform, env, cache, state) => {
    expect(compileCacheDirectory({ ...home, ...env }, platform)).toBe(join(cache));
    expect(stateDirectory({ ...home, ...env }, platform)).toBe(join(state));
  });

  test('unless PLUMBLINE_STATE_DIR says otherwise', () => {
    expect(stateDirectory({ ...home, PLUMBLINE_STATE_DIR: '/w' }, 'linux')).toBe('/w');
  });
});
