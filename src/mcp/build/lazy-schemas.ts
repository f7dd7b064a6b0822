import { readFile } from 'node:fs/promises';
import { parse } from '@babel/parser';
import traverse, { type Binding, type NodePath } from '@babel/traverse';
import type { Program } from '@babel/types';
import type { Plugin } from 'esbuild';
import MagicString from 'magic-string';

const SDK_FILE = /[\\/]@modelcontextprotocol[\\/]sdk[\\/]dist[\\/]esm[\\/].*\.js$/;
const TYPES = /(^|[\\/])types\.js$/;
const SCHEMA = /Schema$/;

/**
 * esbuild plugin: the MCP SDK builds its 150-odd protocol schemas when it is loaded, though a handshake needs thirty.
 * This turns each `const FooSchema = …` of its types.js into one that is built at first use, and each reference into
 * that use. Nothing else changes: the same schemas validate the same messages. It saves about a quarter of the time to
 * answer `initialize` (bench/mcp.ts prints the figure).
 *
 * `own` says which files outside of the SDK import schemas from it.
 */
export function lazySchemas(own: RegExp): Plugin {
  return {
    name: 'lazy-schemas',
    setup(build) {
      build.onLoad({ filter: SDK_FILE }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        return { contents: TYPES.test(path) ? lazyTypes(source) : lazyImports(source), loader: 'js' };
      });
      build.onLoad({ filter: own }, async ({ path }) => ({
        contents: lazyImports(await readFile(path, 'utf8')),
        loader: 'ts',
      }));
    },
  };
}

/** types.js itself: every schema becomes a function that makes it once. */
export function lazyTypes(source: string): string {
  const text = new MagicString(source);
  let count = 0;
  inProgram(source, (program) => {
    for (const statement of program.get('body')) {
      const declared = statement.isExportNamedDeclaration() ? statement.get('declaration') : statement;
      if (!declared.isVariableDeclaration() || declared.node.kind !== 'const') continue;
      for (const { id, init } of declared.node.declarations) {
        if (id.type !== 'Identifier' || !SCHEMA.test(id.name) || !init) continue;
        text.appendLeft(start(init), '/* @__PURE__ */ plumblineOnce(() => (');
        text.prependRight(end(init), '))');
        call(text, program.scope.getBinding(id.name));
        count += 1;
      }
    }
  });
  if (count < 100)
    throw new Error(`The MCP SDK’s types.js has ${count} schemas where more than 100 were expected.`);
  text.append('\nfunction plumblineOnce(make) { let made; return () => (made ??= make()); }\n');
  return text.toString();
}

/** A file that imports schemas from types.js: every reference becomes a call. */
export function lazyImports(source: string): string {
  const text = new MagicString(source);
  inProgram(source, (program) => {
    for (const statement of program.get('body')) {
      const from = 'source' in statement.node ? statement.node.source?.value : undefined;
      if (from === undefined || !TYPES.test(from)) continue;
      if (!statement.isImportDeclaration())
        throw new Error(`Schemas are passed on by "export … from '${from}'".`);
      for (const specifier of statement.node.specifiers) {
        if (specifier.type !== 'ImportSpecifier')
          throw new Error(`Schemas are imported as a namespace from ${from}.`);
        const imported =
          specifier.imported.type === 'Identifier' ? specifier.imported.name : specifier.imported.value;
        if (SCHEMA.test(imported)) call(text, program.scope.getBinding(specifier.local.name));
      }
    }
  });
  return text.toString();
}

function inProgram(source: string, visit: (program: NodePath<Program>) => void): void {
  const file = parse(source, { sourceType: 'module', plugins: ['typescript'] });
  traverse(file, {
    Program(path) {
      visit(path);
      path.stop();
    },
  });
}

function call(text: MagicString, binding: Binding | undefined): void {
  for (const reference of binding?.referencePaths ?? []) {
    const { parentPath } = reference;
    if (reference.isExportNamedDeclaration() || parentPath?.isExportSpecifier()) continue;
    if (parentPath?.isTSTypeQuery()) continue;
    const name = reference.isIdentifier() ? reference.node.name : '';
    const shorthand = parentPath?.isObjectProperty() && parentPath.node.shorthand;
    text.appendLeft(end(reference.node), shorthand ? `: ${name}()` : '()');
  }
}

function start(node: { readonly start?: number | null }): number {
  if (typeof node.start !== 'number') throw new Error('The parser gave a node no position.');
  return node.start;
}

function end(node: { readonly end?: number | null }): number {
  if (typeof node.end !== 'number') throw new Error('The parser gave a node no position.');
  return node.end;
}
