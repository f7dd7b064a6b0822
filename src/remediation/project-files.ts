import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Problem } from '../problem.ts';
import { decodeFile, type FileText } from './edits.ts';
import { checkPath, refused } from './paths.ts';

const MAX_BYTES = 2 * 1024 * 1024;

/**
 * Reads a file that a proposal changes. Refuses what is not a regular UTF-8 text file of the project itself:
 * symlinks (anywhere on the way), binaries, files over 2 MiB, paths that proposals never touch.
 */
export async function readProjectFile(projectDir: string, file: string): Promise<FileText> {
  checkPath(file);
  const path = join(projectDir, file);
  let walked = projectDir;
  for (const part of file.split('/')) {
    walked = join(walked, part);
    const stat = await lstat(walked).catch(() => undefined);
    if (!stat) {
      throw new Problem(
        'stale',
        `${file} is not in the project ${projectDir}.`,
        'Propose again with the files as they are now.',
      );
    }
    if (stat.isSymbolicLink()) throw refused(file, 'it is, or lies behind, a symbolic link');
    if (walked === path && !stat.isFile()) throw refused(file, 'it is not a file');
    if (walked === path && stat.size > MAX_BYTES) throw refused(file, 'it is larger than 2 MiB');
  }
  const root = await realpath(projectDir);
  if (!(await realpath(path)).startsWith(root + sep))
    throw refused(file, "it lies outside of the project's folder");
  return decodeFile(file, await readFile(path));
}
