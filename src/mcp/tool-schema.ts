import { z } from 'zod';

/** JSON Schema (2020-12) of a tool's input or output. */
export interface ToolSchema {
  readonly type: 'object';
  readonly [key: string]: unknown;
}

type Node = Readonly<Record<string, unknown>>;

/** Lengths and ranges: what breaks them is answered in words, so models need not read them beforehand. */
const BOUNDS: ReadonlySet<string> = new Set([
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
]);

/**
 * The schema that models read before they call. Every model pays for every character of it in every conversation, so
 * it says names, types and choices; the tool's own schema checks the rest.
 */
export function inputSchema(schema: z.ZodObject): ToolSchema {
  return shaped(z.toJSONSchema(schema, { io: 'input' }), BOUNDS);
}

/**
 * The schema that clients check answers against: what is always there, and the types of what is below it.
 * It allows more properties than it names, for later versions.
 */
export function outputSchema(schema: z.ZodObject): ToolSchema {
  const full = z.toJSONSchema(schema, { io: 'output' });
  const { required } = full;
  return {
    ...shaped(full, new Set([...BOUNDS, 'additionalProperties', 'required'])),
    ...(required ? { required } : {}),
  };
}

function shaped(schema: Node, dropped: ReadonlySet<string>): ToolSchema {
  const { $schema: _, ...rest } = schema;
  return { ...(terse(rest, dropped) as Node), type: 'object' };
}

function terse(value: unknown, dropped: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => terse(item, dropped));
  if (!isNode(value)) return value;
  const nullable = orNull(value);
  if (nullable) return terse(nullable, dropped);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => !(dropped.has(key) && !isNode(item)) && !isEmpty(item))
      .map(([key, item]) => [key, terse(item, dropped)]),
  );
}

/** `{anyOf: [{type: T, …}, {type: null}]}` as the shorter `{type: [T, null], …}`. */
function orNull({ anyOf, ...rest }: Node): Node | undefined {
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return undefined;
  const [schema, other] = anyOf;
  if (!isNode(schema) || typeof schema['type'] !== 'string' || !isNode(other) || other['type'] !== 'null') {
    return undefined;
  }
  return { ...rest, ...schema, type: [schema['type'], 'null'] };
}

function isNode(value: unknown): value is Node {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return isNode(value) && Object.keys(value).length === 0;
}
