import { type FieldValue, MAX_FIELDS_PER_EVENT, MAX_KEY_LENGTH, MAX_STRING_LENGTH } from './event.ts';
import { fitsInteger } from './field-coercion.ts';
import { child, children, double, has, type OtlpNode, text, toInteger } from './otlp-nodes.ts';

/** Deeper key-value lists become JSON text (as Honeycomb's translator does). */
const MAX_DEPTH = 5;

export type Fields = Map<string, FieldValue>;

/** Sets one field within the limits; a value that is no value (NaN, infinite, empty key) is left out. */
export function setField(fields: Fields, name: string, value: FieldValue): void {
  const key = withoutNul(name);
  if (key === '' || key.length > MAX_KEY_LENGTH) return;
  if (fields.size >= MAX_FIELDS_PER_EVENT && !fields.has(key)) return;
  if (typeof value === 'string') {
    fields.set(key, withoutNul(value.slice(0, MAX_STRING_LENGTH)));
  } else if (typeof value === 'number') {
    if (Number.isFinite(value)) fields.set(key, value);
  } else if (typeof value === 'bigint' && !fitsInteger(value)) {
    fields.set(key, value.toString());
  } else {
    fields.set(key, value);
  }
}

/** DuckDB's bound texts end at a NUL. */
function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '') : text;
}

/** Adds the attributes under `key` (usually "attributes") of a node; later calls win. */
export function addAttributes(
  fields: Fields,
  node: OtlpNode | undefined,
  key = 'attributes',
  prefix = '',
): void {
  for (const attribute of children(node, key))
    addValue(fields, prefix + text(attribute, 'key'), child(attribute, 'value'), 0);
}

/** Adds one AnyValue: key-value lists are flattened with dots, arrays become JSON text. */
export function addValue(fields: Fields, key: string, value: OtlpNode | undefined, depth: number): void {
  if (!value) return;
  const list = child(value, 'kvlistValue');
  if (list && depth < MAX_DEPTH) {
    for (const entry of children(list, 'values')) {
      addValue(fields, `${key}.${text(entry, 'key')}`, child(entry, 'value'), depth + 1);
    }
    return;
  }
  const scalar = scalarOf(value);
  if (scalar !== undefined) setField(fields, key, scalar);
  else if (list || child(value, 'arrayValue')) setField(fields, key, JSON.stringify(plain(value, 0)));
}

/** An AnyValue as text, for a log's body. */
export function valueAsText(value: OtlpNode | undefined): string {
  if (!value) return '';
  const scalar = scalarOf(value);
  return scalar === undefined ? JSON.stringify(plain(value, 0)) : String(scalar);
}

function scalarOf(value: OtlpNode): FieldValue | undefined {
  if (has(value, 'stringValue')) return text(value, 'stringValue');
  if (has(value, 'boolValue')) return value['boolValue'] === true;
  if (has(value, 'intValue')) return toInteger(value['intValue']);
  if (has(value, 'doubleValue')) return double(value, 'doubleValue');
  if (has(value, 'bytesValue')) {
    const bytes = value['bytesValue'];
    return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : text(value, 'bytesValue');
  }
  return undefined;
}

/** An AnyValue as a JSON value; what nests deeper than anybody reads is cut. */
function plain(value: OtlpNode | undefined, depth: number): unknown {
  if (!value || depth > 20) return null;
  const array = child(value, 'arrayValue');
  if (array) return children(array, 'values').map((item) => plain(item, depth + 1));
  const list = child(value, 'kvlistValue');
  if (list) {
    return Object.fromEntries(
      children(list, 'values').map((entry) => [text(entry, 'key'), plain(child(entry, 'value'), depth + 1)]),
    );
  }
  const scalar = scalarOf(value);
  if (typeof scalar !== 'bigint') return scalar ?? null;
  const number = Number(scalar);
  return Number.isSafeInteger(number) ? number : scalar.toString();
}
