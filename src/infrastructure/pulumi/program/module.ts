import { posix } from 'node:path';
import { type ParserOptions, parse } from '@babel/parser';
import traverse, { type NodePath } from '@babel/traverse';
import type { Node, Program } from '@babel/types';
import { Problem } from '../../../problem.ts';
import type { ProgramFiles } from './files.ts';

/** One source file of a program, parsed, with its scopes. */
export interface ProgramModule {
  readonly file: string;
  readonly text: string;
  readonly root: NodePath<Program>;
}

const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs'];

/** Parses a file of the project; a Problem where it is not there or its text is not TypeScript or JavaScript. */
export async function loadModule(files: ProgramFiles, file: string): Promise<ProgramModule> {
  const text = await files.read(file);
  if (text === undefined) {
    throw new Problem(
      'stale',
      `The stack says the resource is declared in ${file}, but there is no such file in the project.`,
      'Run `pulumi up` (or `pulumi refresh`) once, so that the state knows the program as it is now.',
    );
  }
  return { file, text, root: parseProgram(file, text) };
}

function parseProgram(file: string, text: string): NodePath<Program> {
  const typescript = /\.[mc]?tsx?$/.test(file);
  const options: ParserOptions = {
    sourceType: 'unambiguous',
    allowReturnOutsideFunction: true,
    plugins: [
      ...(typescript ? (['typescript', 'decorators-legacy'] as const) : []),
      ...(/\.(tsx|jsx|js|mjs|cjs)$/.test(file) ? (['jsx'] as const) : []),
    ],
  };
  try {
    const ast = parse(text, options);
    let root: NodePath<Program> | undefined;
    traverse(ast, {
      Program(path) {
        root = path;
      },
    });
    if (root) return root;
  } catch (cause) {
    throw new Problem(
      'program-error',
      `${file} can't be parsed: ${cause instanceof Error ? cause.message.slice(0, 300) : 'syntax error'}`,
      'Mend the program, then diagnose again.',
      { cause },
    );
  }
  throw new Problem('program-error', `${file} holds no program.`, 'Mend the program, then diagnose again.');
}

/** The file that an import names: relative imports inside of the project alone. */
export async function resolveImport(
  files: ProgramFiles,
  from: string,
  specifier: string,
): Promise<string | undefined> {
  if (!specifier.startsWith('.')) return undefined;
  const base = posix.join(posix.dirname(from), specifier);
  if (base.startsWith('..')) return undefined;
  const bare = base.replace(/\.([mc]?)jsx?$/, '');
  const candidates = [
    base,
    ...EXTENSIONS.map((extension) => `${base}${extension}`),
    ...EXTENSIONS.map((extension) => `${bare}${extension}`),
    ...EXTENSIONS.map((extension) => `${base}/index${extension}`),
  ];
  for (const candidate of candidates) {
    if (
      EXTENSIONS.some((extension) => candidate.endsWith(extension)) &&
      (await files.read(candidate)) !== undefined
    )
      return candidate;
  }
  return undefined;
}

/** `index.ts, line 12`. */
export function whereIs(module: ProgramModule, node: Node): string {
  return `${module.file}, line ${node.loc?.start.line ?? '?'}`;
}

/** The text of a node, short enough for a sentence. */
export function textOf(module: ProgramModule, node: Node): string {
  const text = module.text.slice(node.start ?? 0, node.end ?? 0).replace(/\s+/g, ' ');
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
