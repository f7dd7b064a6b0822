import { isDeepStrictEqual } from 'node:util';
import type { Properties } from './cloud-client.ts';
import type { ResourceType } from './resource-types.ts';

export type DiffKind = 'add' | 'delete' | 'update' | 'add-replace' | 'delete-replace' | 'update-replace';

export interface ResourceDiff {
  /** Top-level inputs that differ. */
  changed: string[];
  /** Those of them that make a new resource. */
  replaces: string[];
  /** By property path, as the engine writes paths: `healthCheck.path`, `tags["a.b"]`, `ingress[0].fromPort`. */
  detailed: Map<string, DiffKind>;
  deleteBeforeReplace: boolean;
}

/** Marks inputs that the provider made up; the real provider keeps its defaults in the inputs by this name too. */
export const DEFAULTS = '__defaults';

/** How new inputs differ from those that the resource was made with; the program can have top-level inputs ignored. */
export function diffInputs(
  type: ResourceType,
  olds: Properties,
  news: Properties,
  ignored: readonly string[] = [],
): ResourceDiff {
  const changed: string[] = [];
  const detailed = new Map<string, DiffKind>();
  for (const property of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    if (property === DEFAULTS || ignored.includes(property) || same(property, olds[property], news[property]))
      continue;
    changed.push(property);
    const replace = type.replaceOn.includes(property);
    describe(property, olds[property], news[property], (path, kind) => {
      detailed.set(path, replace ? `${kind}-replace` : kind);
    });
  }
  const replaces = changed.filter((property) => type.replaceOn.includes(property));
  return {
    changed,
    replaces,
    detailed,
    deleteBeforeReplace: replaces.length > 0 && nameStays(type, olds, news),
  };
}

/** A new resource of the same fixed name can only be made when the old one is gone; one that is named anew can come first. */
function nameStays(type: ResourceType, olds: Properties, news: Properties): boolean {
  if (type.uniqueName !== true || type.autoName === undefined) return false;
  const { property } = type.autoName;
  const defaults = news[DEFAULTS];
  return !(Array.isArray(defaults) && defaults.includes(property)) && olds[property] === news[property];
}

/** Container definitions are JSON in a string: other spacing or order of keys is no change, as with the real provider. */
function same(property: string, old: unknown, now: unknown): boolean {
  if (isDeepStrictEqual(old, now)) return true;
  if (property !== 'containerDefinitions' || typeof old !== 'string' || typeof now !== 'string') return false;
  try {
    return isDeepStrictEqual(JSON.parse(old), JSON.parse(now));
  } catch {
    return false; // Not JSON, or not known yet.
  }
}

function describe(
  path: string,
  old: unknown,
  now: unknown,
  found: (path: string, kind: 'add' | 'delete' | 'update') => void,
): void {
  if (isDeepStrictEqual(old, now)) return;
  if (old === undefined) found(path, 'add');
  else if (now === undefined) found(path, 'delete');
  else if (Array.isArray(old) && Array.isArray(now)) {
    for (let i = 0; i < Math.max(old.length, now.length); i += 1)
      describe(`${path}[${i}]`, old[i], now[i], found);
  } else if (isObject(old) && isObject(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      describe(`${path}${step(key)}`, old[key], now[key], found);
    }
  } else found(path, 'update');
}

function step(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
