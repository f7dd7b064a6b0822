import {
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import { Problem } from '../../problem.ts';

/** Linked rather than copied: large, and no part of what is reviewed. */
const LINKED = new Set(['node_modules', '.git', 'venv', '.venv', '.pulumi']);
const MAX_FILES = 20_000;
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_SIBLINGS = 2_000;

export interface ShadowCopy {
  /** Top of the copied tree. */
  readonly root: string;
  /** The project's folder in it. */
  readonly projectDir: string;
  /** Names of the copy in a text, given back as names of the original. */
  originalPaths(text: string): string;
  remove(): Promise<void>;
}

/**
 * A copy of a project in which a patched program can run while the original stays as it is. The folders above it are
 * there too, up to the repository or the modules that the program finds by walking up, with all that lies beside the
 * way linked, so that hoisted packages and `../app` resolve as they do in the original.
 */
export async function makeShadowCopy(
  original: string,
  files: readonly { readonly file: string; readonly after: string }[],
  signal: AbortSignal,
): Promise<ShadowCopy> {
  const projectDir = await realpath(original);
  const top = await boundary(projectDir);
  const root = await mkdtemp(join(await realpath(tmpdir()), 'plumbline-preview-'));
  try {
    let at = root;
    let source = top;
    for (const part of relative(top, projectDir).split(sep).filter(Boolean)) {
      await linkSiblings(source, at, part);
      source = join(source, part);
      at = join(at, part);
      await mkdir(at);
    }
    await copyTree(projectDir, at, projectDir, { files: 0, bytes: 0 }, signal);
    for (const { file, after } of files) await writeFile(join(at, file), after);
    return {
      root,
      projectDir: at,
      originalPaths: (text) => text.replaceAll(at, projectDir).replaceAll(root, top),
      remove: () => rm(root, { recursive: true, force: true }),
    };
  } catch (thrown) {
    await rm(root, { recursive: true, force: true });
    throw thrown;
  }
}

/** The highest of: the repository's top, a folder above that holds node_modules. Never the home folder or a disk's root. */
async function boundary(projectDir: string): Promise<string> {
  const forbidden = new Set([parse(projectDir).root, homedir(), await realpath(tmpdir())]);
  let top = projectDir;
  for (let dir = projectDir; !forbidden.has(dir) && dirname(dir) !== dir; dir = dirname(dir)) {
    if (await exists(join(dir, 'node_modules'))) top = dir;
    if (await exists(join(dir, '.git'))) return dir;
  }
  return top;
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function linkSiblings(from: string, to: string, except: string): Promise<void> {
  const entries = await readdir(from);
  for (const name of entries.slice(0, MAX_SIBLINGS)) {
    if (name !== except) await symlink(join(from, name), join(to, name));
  }
}

async function copyTree(
  from: string,
  to: string,
  projectDir: string,
  size: { files: number; bytes: number },
  signal: AbortSignal,
): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    signal.throwIfAborted();
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (LINKED.has(entry.name)) await symlink(source, target);
    else if (entry.isSymbolicLink()) await symlink(await linkTarget(source, projectDir), target);
    else if (entry.isDirectory()) {
      await mkdir(target);
      await copyTree(source, target, projectDir, size, signal);
    } else if (entry.isFile()) {
      size.files += 1;
      size.bytes += (await lstat(source)).size;
      if (size.files > MAX_FILES || size.bytes > MAX_BYTES) {
        throw new Problem(
          'unsupported',
          `The project ${basename(projectDir)} is too large to be copied for a preview (${MAX_FILES} files, 1 GiB).`,
          'Move what is not the program out of its folder.',
        );
      }
      await copyFile(source, target);
    }
  }
}

/** A link inside of the project stays inside of the copy; one that leads out of it still leads to the original. */
async function linkTarget(link: string, projectDir: string): Promise<string> {
  const target = await readlink(link);
  const absolute = resolve(dirname(link), target);
  const inside =
    !relative(projectDir, absolute).startsWith('..') && !isAbsolute(relative(projectDir, absolute));
  return inside && !isAbsolute(target) ? target : absolute;
}
