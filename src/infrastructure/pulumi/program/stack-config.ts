import { isMap, isScalar, parseDocument } from 'yaml';
import { Problem } from '../../../problem.ts';
import type { StackRef } from '../../model.ts';
import type { ProgramFiles } from './files.ts';
import type { Place } from './place.ts';

/**
 * Where a stack's configuration sets a key: `Pulumi.<stack>.yaml`, else the default in Pulumi.yaml's `config`.
 * `undefined` where neither does. An encrypted value is a Problem: it is not ours to replace.
 */
export async function configPlace(
  files: ProgramFiles,
  stack: StackRef,
  key: string,
  sharedWith: readonly string[],
): Promise<Place | undefined> {
  const own = await fromFile(
    files,
    `${await configFolder(files)}Pulumi.${stack.name}.yaml`,
    [['config', key]],
    key,
  );
  const short = key.startsWith(`${stack.project}:`) ? key.slice(stack.project.length + 1) : key;
  const found =
    own ??
    (await fromFile(
      files,
      'Pulumi.yaml',
      [key, short].flatMap((name) => [
        ['config', name, 'value'],
        ['config', name, 'default'],
        ['config', name],
        ['configuration', name, 'default'],
      ]),
      key,
    ));
  return found && { ...found, sharedWith };
}

/** `stackConfigDir` of Pulumi.yaml, with a slash at its end; empty when it is not set. */
async function configFolder(files: ProgramFiles): Promise<string> {
  const text = await files.read('Pulumi.yaml');
  const dir: unknown = text === undefined ? undefined : parseDocument(text).getIn(['stackConfigDir']);
  return typeof dir === 'string' && dir !== '' ? `${dir.replace(/^\.\//, '').replace(/\/$/, '')}/` : '';
}

async function fromFile(
  files: ProgramFiles,
  file: string,
  paths: readonly (readonly string[])[],
  key: string,
): Promise<Place | undefined> {
  const text = await files.read(file);
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    throw new Problem(
      'program-error',
      `${file} is not valid YAML: ${document.errors[0]?.message.slice(0, 200) ?? ''}`,
      'Mend the file, then diagnose again.',
    );
  }
  for (const path of paths) {
    const node: unknown = document.getIn(path, true);
    if (isMap(node) && node.has('secure')) {
      throw new Problem(
        'unsupported',
        `The configuration key ${key} is a secret in ${file}.`,
        `Set it by hand: \`pulumi config set --secret ${key} …\`.`,
      );
    }
    if (!isScalar(node) || !node.range) continue;
    const [start, end] = node.range;
    return {
      file,
      start,
      end,
      text: text.slice(start, end),
      value: String(node.value),
      how: 'config',
      described: `the configuration key ${key} in ${file}`,
      sharedWith: [],
    };
  }
  return undefined;
}
