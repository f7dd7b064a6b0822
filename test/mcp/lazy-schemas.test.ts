import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { lazyImports, lazyTypes } from '../../src/mcp/build/lazy-schemas.ts';

const SDK = createRequire(import.meta.url)
  .resolve('@modelcontextprotocol/sdk/types.js')
  .replace(/dist[\\/]cjs[\\/]types\.js$/, 'dist/esm/');

test('every schema of the SDK is built at first use', async () => {
  const lazy = lazyTypes(await readFile(`${SDK}types.js`, 'utf8'));
  expect(lazy.match(/plumblineOnce\(\(\) => \(/g)?.length).toBeGreaterThan(150);
  expect(lazy).not.toMatch(/export const \w+Schema = z\./);
});

test('what imports them calls them, and nothing else', () => {
  const source = `import { FooSchema, ErrorCode as Code } from '../types.js';
const used = FooSchema.parse(Code.X); const o = { FooSchema, b: FooSchema }; function f(FooSchema) { return FooSchema; }
import { BarSchema } from './other.js'; BarSchema.parse(1);`;
  expect(lazyImports(source)).toBe(`import { FooSchema, ErrorCode as Code } from '../types.js';
const used = FooSchema().parse(Code.X); const o = { FooSchema: FooSchema(), b: FooSchema() }; function f(FooSchema) { return FooSchema; }
import { BarSchema } from './other.js'; BarSchema.parse(1);`);
});

test('a shape of the SDK that it does not know fails the build', () => {
  expect(() => lazyTypes('export const FooSchema = 1;')).toThrow(/100/);
  expect(() => lazyImports("import * as types from './types.js';")).toThrow(/namespace/);
  expect(() => lazyImports("export * from './types.js';")).toThrow(/passed on/);
});
