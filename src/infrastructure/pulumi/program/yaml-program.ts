import { isScalar, parseDocument } from 'yaml';
import { Problem } from '../../../problem.ts';
import type { StackRef, StackResource } from '../../model.ts';
import type { ProgramFiles } from './files.ts';
import type { Place } from './place.ts';
import { configPlace } from './stack-config.ts';

const PROGRAM_FILES = ['Main.yaml', 'Pulumi.yaml'];

/** The place of a property in a program that is written in YAML. `undefined` where the resource does not set it. */
export async function yamlPlace(
  files: ProgramFiles,
  stack: StackRef,
  resource: StackResource,
  property: string,
): Promise<Place | undefined> {
  for (const file of PROGRAM_FILES) {
    const text = await files.read(file);
    if (text === undefined) continue;
    const document = parseDocument(text);
    if (!document.hasIn(['resources', resource.name])) continue;
    const node: unknown = document.getIn(['resources', resource.name, 'properties', property], true);
    if (node === undefined) return undefined;
    if (!isScalar(node) || !node.range) break;
    const value = String(node.value);
    const reference = /^\$\{([^}.[\]]+)\}$/.exec(value)?.[1];
    if (reference !== undefined) {
      const key = reference.includes(':') ? reference : `${stack.project}:${reference}`;
      const place = await configPlace(files, stack, key, []);
      if (place) return place;
      break;
    }
    if (value.includes('${')) break;
    const [start, end] = node.range;
    return {
      file,
      start,
      end,
      text: text.slice(start, end),
      value,
      how: 'literal',
      described: `the value in ${file}`,
      sharedWith: [],
    };
  }
  throw new Problem(
    'unsupported',
    `The YAML program does not set ${property} of ${resource.name} to a plain value or a configuration key.`,
    'Make the change by hand.',
  );
}
