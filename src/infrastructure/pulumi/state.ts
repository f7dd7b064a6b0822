import { z } from 'zod';
import { canonicalJson, sha256 } from '../../content-hash.ts';
import { Problem } from '../../problem.ts';
import type { SourcePosition, StackRef, StackResource, StackSnapshot } from '../model.ts';

/** What stands where a secret was. */
const SECRET = '[secret]';

/** Pulumi marks special values (secrets, assets, references) by this key; its value says which. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';

const Properties = z.record(z.string(), z.unknown());

const Resource = z.looseObject({
  urn: z.string(),
  type: z.string(),
  custom: z.boolean().default(false),
  delete: z.boolean().default(false),
  id: z.string().optional(),
  parent: z.string().optional(),
  dependencies: z.array(z.string()).nullish(),
  protect: z.boolean().default(false),
  inputs: Properties.nullish(),
  outputs: Properties.nullish(),
  sourcePosition: z.string().optional(),
});

const Export = z.looseObject({
  version: z.number(),
  deployment: z.looseObject({
    resources: z.array(Resource).nullish(),
    pending_operations: z
      .array(z.looseObject({ resource: z.looseObject({ urn: z.string() }), type: z.string() }))
      .nullish(),
  }),
});

/** Reads what `pulumi stack export` printed (without secrets shown). */
export function parseSnapshot(stack: StackRef, text: string): StackSnapshot {
  const parsed = Export.safeParse(parseJson(text, `pulumi stack export of ${stack.fqn}`));
  if (!parsed.success) {
    throw new Problem(
      'unsupported',
      `The state of ${stack.fqn} has a shape that Plumbline does not know: ${z.prettifyError(parsed.error).slice(0, 400)}`,
      'Update Plumbline, or report this with the version of your Pulumi CLI.',
    );
  }
  const { deployment } = parsed.data;
  return {
    stack,
    resources: (deployment.resources ?? []).filter((resource) => !resource.delete).map(toResource),
    pendingOperations: (deployment.pending_operations ?? []).map(
      (operation) => `${operation.type} ${operation.resource.urn}`,
    ),
    digest: digestOf(deployment),
  };
}

function toResource(raw: z.infer<typeof Resource>): StackResource {
  const source = parseSourcePosition(raw.sourcePosition);
  return {
    urn: raw.urn,
    type: raw.type,
    name: raw.urn.split('::').slice(3).join('::'),
    ...(raw.id !== undefined && { id: raw.id }),
    ...(raw.parent !== undefined && { parent: raw.parent }),
    dependencies: raw.dependencies ?? [],
    protect: raw.protect,
    inputs: maskRecord(raw.inputs ?? {}),
    outputs: maskRecord(raw.outputs ?? {}),
    ...(source && { source }),
  };
}

/** `project:///index.ts#4,12` → file, line 4, column 12. What lies outside of the project (a package) has no position here. */
function parseSourcePosition(text: string | undefined): SourcePosition | undefined {
  const match = /^project:\/\/\/(.+)#(\d+)(?:,(\d+))?$/.exec(text ?? '');
  if (!match?.[1]) return undefined;
  const file = decodeUri(match[1]);
  if (file.split('/').some((part) => part === '..' || part === 'node_modules')) return undefined;
  return { file, line: Number(match[2]), column: Number(match[3] ?? '1') };
}

function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Replaces secrets at every depth, whether encrypted or not, by `[secret]`. */
export function maskSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (value === null || typeof value !== 'object') return value;
  const record: Record<string, unknown> = { ...value };
  if (record[SIGNATURE] === SECRET_SIGNATURE || 'ciphertext' in record) return SECRET;
  return maskRecord(record);
}

function maskRecord(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, maskSecrets(value)]));
}

/** What moves without a change: times, and source positions (an edit above a resource moves them all). */
const MOVING = new Set(['created', 'modified', 'sourcePosition', 'stackTrace']);

/**
 * The digest of a deployment without its moving parts. The manifest (time, magic, CLI version) is left out too;
 * a file backend's history counts no versions, so this is the state's version. Secrets count as there or not there:
 * each update encrypts them anew, changed or not (a saved plan binds their values). The order of resources is that
 * in which they happened to be registered.
 */
function digestOf(deployment: z.infer<typeof Export>['deployment']): string {
  const resources = (deployment.resources ?? []).map((resource) =>
    maskRecord(Object.fromEntries(Object.entries(resource).filter(([key]) => !MOVING.has(key)))),
  );
  return sha256(
    canonicalJson({
      resources: resources.map((resource) => canonicalJson(resource)).sort(),
      pending: (deployment.pending_operations ?? []).map((one) => `${one.type} ${one.resource.urn}`).sort(),
    }),
  );
}

/** JSON of the CLI, or a Problem that names what was read. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem(
      'unsupported',
      `The answer of \`${what}\` is not JSON.`,
      'Check that the Pulumi CLI is 3.240 or newer (`pulumi version`).',
      { cause },
    );
  }
}
