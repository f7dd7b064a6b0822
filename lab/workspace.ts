import { cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import { Problem } from '../src/problem.ts';

export const STACK = 'lab';

/** What the extension's settings in the workspace say. */
export interface WorkspaceSettings {
  readonly collectorUrl: string;
  readonly verifySeconds: number;
}

/**
 * Copies the lab's Pulumi program to a workspace of its own, which a run may change, and returns the project's name.
 * Modules are found by walking up to the checkout's; the path of the emulated provider is made absolute.
 */
export async function copyProgram(program: string, workspace: string): Promise<string> {
  await cp(program, workspace, {
    recursive: true,
    filter: (source) => basename(source) !== 'node_modules',
  });
  const modules = join(program, 'node_modules');
  // Only modules that could not be hoisted to the checkout's own folder lie here.
  if (await stat(modules).catch(() => undefined))
    await symlink(modules, join(workspace, 'node_modules'), 'dir');
  const file = join(workspace, 'Pulumi.yaml');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Problem('not-found', `${program} holds no Pulumi.yaml.`, 'Restore lab/program.', { cause });
  });
  const project = parseDocument(text);
  const name = project.get('name');
  if (typeof name !== 'string') {
    throw new Problem('bad-input', `${file} names no project.`, 'Restore lab/program/Pulumi.yaml.');
  }
  const providers = project.getIn(['plugins', 'providers']);
  for (const provider of isSeq(providers) ? providers.items : []) {
    const path = isMap(provider) ? provider.get('path') : undefined;
    if (isMap(provider) && typeof path === 'string' && !isAbsolute(path)) {
      provider.set('path', resolve(program, path));
    }
  }
  await writeFile(file, project.toString());
  return name;
}

/** Points the extension at the run's own collector and stack. */
export async function writeSettings(workspace: string, settings: WorkspaceSettings): Promise<void> {
  await mkdir(join(workspace, '.vscode'), { recursive: true });
  const content = {
    'plumbline.honeycomb.apiUrl': settings.collectorUrl,
    'plumbline.pulumi.stack': STACK,
    'plumbline.verify.windowSeconds': settings.verifySeconds,
    // The lab has minutes of telemetry, not hours: points must be fine enough to see a change in.
    'plumbline.diagnosis.lookbackMinutes': 10,
  };
  await writeFile(join(workspace, '.vscode', 'settings.json'), `${JSON.stringify(content, null, 2)}\n`);
}
