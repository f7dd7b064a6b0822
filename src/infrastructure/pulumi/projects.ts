import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Problem } from '../../problem.ts';

/** A folder with a Pulumi.yaml. */
export interface PulumiProject {
  readonly dir: string;
  readonly name: string;
  /** `nodejs`, `python`, `go`, `dotnet`, `java`, `yaml`… */
  readonly runtime: string;
  /** The program's file or folder as Pulumi.yaml says, relative to the project's folder. */
  readonly main?: string;
}

const PROJECT_FILES = ['Pulumi.yaml', 'Pulumi.yml', 'Pulumi.json'];
const SKIPPED = new Set(['node_modules', 'vendor', 'venv', 'dist', 'out', 'target', '__pycache__']);
const MAX_DEPTH = 6;
const MAX_FOLDERS = 4000;

/**
 * Finds Pulumi projects in folders and below them, at most six levels deep and 4,000 folders in all;
 * hidden folders, installed packages and symlinks are not entered. A folder that can't be read is left out:
 * the workspace holds what it holds.
 */
export async function findProjects(roots: readonly string[], signal?: AbortSignal): Promise<PulumiProject[]> {
  const found = new Map<string, PulumiProject>();
  let level = roots.map((dir) => ({ dir, depth: 0 }));
  let visited = 0;
  while (level.length > 0 && visited < MAX_FOLDERS) {
    signal?.throwIfAborted();
    const next: typeof level = [];
    for (const { dir, depth } of level) {
      visited += 1;
      if (visited > MAX_FOLDERS) break;
      const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
      const file = PROJECT_FILES.find((name) =>
        entries.some((entry) => entry.name === name && entry.isFile()),
      );
      if (file && !found.has(dir)) found.set(dir, await readProject(dir, file));
      if (depth === MAX_DEPTH) continue;
      for (const entry of entries) {
        if (!entry.isDirectory() || entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue;
        next.push({ dir: join(dir, entry.name), depth: depth + 1 });
      }
    }
    level = next;
  }
  return [...found.values()].sort((a, b) => (a.dir < b.dir ? -1 : 1));
}

/** Reads the project file of a folder; a Problem where there is none or it does not say its name. */
export async function projectAt(dir: string): Promise<PulumiProject> {
  for (const file of PROJECT_FILES) {
    const text = await readFile(join(dir, file), 'utf8').catch(() => undefined);
    if (text !== undefined) return projectFrom(dir, file, text);
  }
  throw new Problem(
    'not-found',
    `There is no Pulumi project (Pulumi.yaml) in ${dir}.`,
    'Open the folder that holds your Pulumi program.',
  );
}

async function readProject(dir: string, file: string): Promise<PulumiProject> {
  return projectFrom(dir, file, await readFile(join(dir, file), 'utf8'));
}

function projectFrom(dir: string, file: string, text: string): PulumiProject {
  const raw = parseYaml(text, join(dir, file));
  const name = raw['name'];
  const runtime = raw['runtime'];
  const runtimeName =
    typeof runtime === 'string'
      ? runtime
      : runtime !== null && typeof runtime === 'object' && 'name' in runtime
        ? String(runtime.name)
        : '';
  if (typeof name !== 'string' || name === '') {
    throw new Problem(
      'bad-input',
      `${join(dir, file)} does not say the project's name.`,
      'Add `name:` to it.',
    );
  }
  return { dir, name, runtime: runtimeName, ...(typeof raw['main'] === 'string' && { main: raw['main'] }) };
}

function parseYaml(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = parse(text);
    return value !== null && typeof value === 'object' ? { ...value } : {};
  } catch (cause) {
    throw new Problem('bad-input', `${path} is not valid YAML.`, 'Mend the file.', { cause });
  }
}
