/**
 * Reads OTLP messages alike, whether protobuf decoded them (ids as bytes, 64-bit integers as Long) or JSON did
 * (ids as hex, 64-bit integers as decimal text). What is of another type than OTLP says counts as not there.
 */
export type OtlpNode = Readonly<Record<string, unknown>>;

export function child(node: OtlpNode | undefined, key: string): OtlpNode | undefined {
  const value = node?.[key];
  return isNode(value) ? value : undefined;
}

export function children(node: OtlpNode | undefined, key: string): readonly OtlpNode[] {
  const value = node?.[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** True when the sender set the field; protobuf's defaults do not count. */
export function has(node: OtlpNode, key: string): boolean {
  return Object.hasOwn(node, key) && node[key] !== null && node[key] !== undefined;
}

export function text(node: OtlpNode | undefined, key: string): string {
  const value = node?.[key];
  return typeof value === 'string' ? value : '';
}

/** A trace or span id as lower-case hex; '' when unset or all zero (OTLP's "no id"). */
export function id(node: OtlpNode | undefined, key: string): string {
  const value = node?.[key];
  const hex =
    value instanceof Uint8Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
      : typeof value === 'string'
        ? value.toLowerCase().slice(0, 128)
        : '';
  return /^0*$/.test(hex) ? '' : hex;
}

/** A 64-bit integer; 0 when unset or not one. */
export function integer(node: OtlpNode | undefined, key: string): bigint {
  return toInteger(node?.[key]) ?? 0n;
}

export function toInteger(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  if (typeof value === 'string') return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
  if (isNode(value) && typeof value['low'] === 'number' && typeof value['high'] === 'number') {
    const bits = (BigInt(value['high'] >>> 0) << 32n) | BigInt(value['low'] >>> 0);
    return value['unsigned'] === true ? bits : BigInt.asIntN(64, bits);
  }
  return undefined;
}

/** A double; JSON may spell it as text ("NaN", "1.5"). Undefined when it is not a finite number. */
export function double(node: OtlpNode, key: string): number | undefined {
  if (!has(node, key)) return undefined;
  const value = node[key];
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** An enum's number; JSON senders may write its name instead, which `names` maps. */
export function enumeration(node: OtlpNode | undefined, key: string, names: readonly string[]): number {
  const value = node?.[key];
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? Math.max(0, names.indexOf(value)) : 0;
}

function isNode(value: unknown): value is OtlpNode {
  return (
    value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
