import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads the project's text files; `undefined` where there is no such regular file. */
export interface ProgramFiles {
  read(file: string): Promise<string | undefined>;
}

const MAX_BYTES = 2 * 1024 * 1024;

/** The files of a project on disk. Symlinks and files over 2 MiB are not read: neither is a place to patch. */
export function projectFilesAt(dir: string): ProgramFiles {
  return {
    async read(file) {
      const path = join(dir, file);
      const stat = await lstat(path).catch(() => undefined);
      if (!stat?.isFile() || stat.size > MAX_BYTES) return undefined;
      return readFile(path, 'utf8');
    },
  };
}
