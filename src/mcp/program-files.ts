import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Problem } from '../problem.ts';
import type { FileText } from '../remediation/edits.ts';
import { readProjectFile } from '../remediation/project-files.ts';

/** What a Pulumi program is written in. */
const PROGRAM_FILE = /\.(ts|mts|cts|js|mjs|cjs|tsx|jsx|py|go|cs|fs|vb|java|kt|scala|ya?ml|json|toml|mod)$/i;
/** Stack configuration holds values that may be secret even where nothing marks them; so may what is named so. */
const MAY_HOLD_SECRETS = /^Pulumi\..+\.(ya?ml|json)$|secret|credential|password|\.tfvars|^\./i;
const SKIPPED = /^(node_modules|vendor|venv|dist|out|target|bin|obj|__pycache__|\..*)$/i;
const MAX_FILES = 1_000;
const MAX_DEPTH = 6;

/**
 * The files of a program that models may read and propose edits of: relative to the project's folder, sorted.
 * Symlinks, installed packages, hidden files and what may hold secrets are left out.
 */
export async function listProgramFiles(projectDir: string, signal?: AbortSignal): Promise<readonly string[]> {
  const files: string[] = [];
  let level = [''];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      signal?.throwIfAborted();
      for (const entry of await entriesOf(projectDir, folder)) {
        const path = posix.join(folder, entry.name);
        if (entry.isDirectory() && !SKIPPED.test(entry.name) && !MAY_HOLD_SECRETS.test(entry.name)) {
          next.push(path);
        } else if (entry.isFile() && isProgramFile(entry.name) && files.length < MAX_FILES) files.push(path);
      }
    }
    level = next;
  }
  return files.sort();
}

function isProgramFile(name: string): boolean {
  return PROGRAM_FILE.test(name) && !MAY_HOLD_SECRETS.test(name);
}

async function entriesOf(projectDir: string, folder: string) {
  try {
    return await readdir(join(projectDir, folder), { withFileTypes: true });
  } catch (cause) {
    throw new Problem(
      'not-found',
      `The program’s folder ${folder || projectDir} can’t be read.`,
      'Check that it is there and readable for the user that runs this server.',
      { cause },
    );
  }
}

/** One file of those that `listProgramFiles` gives; a Problem for any other, whatever it is. */
export async function readProgramFile(
  projectDir: string,
  file: string,
  signal?: AbortSignal,
): Promise<FileText> {
  if (!(await listProgramFiles(projectDir, signal)).includes(file)) {
    throw new Problem(
      'refused',
      `${file.slice(0, 200)} is not one of the program’s files, or may hold secrets.`,
      'Call read_program without file to see which can be read and edited.',
    );
  }
  return readProjectFile(projectDir, file);
}
