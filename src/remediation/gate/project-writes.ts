import { copyFile, lstat, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { sha256 } from '../../content-hash.ts';
import { Problem } from '../../problem.ts';
import type { CheckedFile } from '../check.ts';

/** A file that an update wrote: what it was, and where the copy of that lies. */
export interface WrittenFile extends CheckedFile {
  readonly backup: string;
}

/** Copies of the files as they are, made before anything is written. */
export async function backUp(
  files: readonly CheckedFile[],
  backupDir: string,
): Promise<readonly WrittenFile[]> {
  const written: WrittenFile[] = [];
  for (const file of files) {
    const backup = join(backupDir, file.file);
    await mkdir(dirname(backup), { recursive: true, mode: 0o700 });
    await copyFile(file.absolutePath, backup);
    written.push({ ...file, backup });
  }
  return written;
}

/** Writes the files, each whole or not at all, keeping its mode. On an error those already written are put back. */
export async function writeFiles(files: readonly WrittenFile[]): Promise<void> {
  const done: WrittenFile[] = [];
  try {
    for (const file of files) {
      await write(file.absolutePath, file.after);
      done.push(file);
    }
  } catch (cause) {
    await restoreFiles(done);
    throw new Problem(
      'internal',
      `A file of the project can't be written (${cause instanceof Error ? cause.message : 'unknown error'}); those written before are put back.`,
      'See who may write there, then approve again.',
      { cause },
    );
  }
}

/** Puts files back as they were. A file that someone has changed since is left, and named in the Problem. */
export async function restoreFiles(files: readonly WrittenFile[]): Promise<void> {
  const changed: string[] = [];
  for (const file of files) {
    const now = await readFile(file.absolutePath).catch(() => undefined);
    if (now && sha256(now) === sha256(file.before)) continue;
    if (now && sha256(now) === sha256(file.after)) await write(file.absolutePath, file.before);
    else changed.push(`${file.file} (backup: ${file.backup})`);
  }
  if (changed.length > 0) {
    throw new Problem(
      'stale',
      `Files were changed in the meantime and are left as they are: ${changed.join(', ')}.`,
      'Compare them with their backups.',
    );
  }
}

async function write(path: string, text: string): Promise<void> {
  const { mode } = await lstat(path);
  await writeFileAtomic(path, text, { mode });
}
