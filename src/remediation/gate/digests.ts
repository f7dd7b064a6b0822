import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { sha256 } from '../../content-hash.ts';
import { Problem } from '../../problem.ts';

/** What a program does not consist of: installed, versioned or written beside it. Its lock file stands for the first. */
const NOT_THE_PROGRAM: ReadonlySet<string> = new Set([
  'node_modules',
  '.git',
  'venv',
  '.venv',
  '__pycache__',
  '.pulumi',
  '.vscode',
  '.idea',
  '.DS_Store',
]);

const LOCK_FILES = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock'];
const MAX_FILES = 20_000;

/** SHA-256 of each file of a project by its path, with the lock files of the folders above it up to the repository. */
export type ProjectTree = ReadonlyMap<string, string>;

/** Everything that an approval is bound to; equal bindings mean that nothing has moved since the preview. */
export interface Bindings {
  readonly diffSha256: string;
  readonly tree: ProjectTree;
  readonly stack: string;
  readonly backend: string;
  /** Digest of the stack's state. */
  readonly state: string;
  readonly cliVersion: string;
  /** SHA-256 of the saved plan; null where the update is bound by its steps. */
  readonly plan: string | null;
}

export async function treeOf(projectDir: string, signal?: AbortSignal): Promise<ProjectTree> {
  const tree = new Map<string, string>();
  const open = [projectDir];
  for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      signal?.throwIfAborted();
      if (NOT_THE_PROGRAM.has(entry.name)) continue;
      const path = join(dir, entry.name);
      const name = relative(projectDir, path).split(sep).join('/');
      if (entry.isDirectory()) open.push(path);
      else if (entry.isSymbolicLink()) tree.set(name, sha256(`link:${await readlink(path)}`));
      else if (entry.isFile()) tree.set(name, await hashFile(path));
      if (tree.size > MAX_FILES) {
        throw new Problem(
          'unsupported',
          `The project ${projectDir} has more than ${MAX_FILES} files, so an approval can't be bound to it.`,
          'Move what is not the program out of its folder.',
        );
      }
    }
  }
  for (let dir = dirname(projectDir), at = projectDir; dir !== at; at = dir, dir = dirname(dir)) {
    for (const name of LOCK_FILES) {
      const path = join(dir, name);
      if ((await lstat(path).catch(() => undefined))?.isFile()) {
        tree.set(relative(projectDir, path).split(sep).join('/'), await hashFile(path));
      }
    }
    if (await lstat(join(dir, '.git')).catch(() => undefined)) break;
  }
  return tree;
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Digest of a whole tree. */
export function treeDigest(tree: ProjectTree): string {
  return sha256(JSON.stringify([...tree].sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Paths that differ between two trees, sorted. */
function changedFiles(before: ProjectTree, now: ProjectTree): readonly string[] {
  const paths = new Set([...before.keys(), ...now.keys()]);
  return [...paths].filter((path) => before.get(path) !== now.get(path)).sort();
}

/** What has moved, in words, one sentence a binding; empty when nothing has. */
export function mismatches(approved: Bindings, now: Bindings): readonly string[] {
  const files = changedFiles(approved.tree, now.tree);
  return [
    ...(approved.diffSha256 === now.diffSha256 ? [] : ['The diff is not the one that was approved.']),
    ...(files.length === 0
      ? []
      : [
          `Files of the project were changed: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ` and ${files.length - 5} more` : ''}.`,
        ]),
    ...(approved.stack === now.stack ? [] : [`The stack is ${now.stack}, not ${approved.stack}.`]),
    ...(approved.backend === now.backend ? [] : ['The backend is another one.']),
    ...(approved.state === now.state ? [] : ["The stack's state was changed by another update."]),
    ...(approved.cliVersion === now.cliVersion
      ? []
      : [`The Pulumi CLI is ${now.cliVersion}, not ${approved.cliVersion}.`]),
    ...(approved.plan === now.plan ? [] : ['The saved plan is not the one that the preview made.']),
  ];
}

export function stale(reasons: readonly string[]): Problem {
  return new Problem(
    'stale',
    `Things have moved since the approval. ${reasons.join(' ')}`,
    'Review the diff again, approve it, and look at a new preview.',
  );
}
