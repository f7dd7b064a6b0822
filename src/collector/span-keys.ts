import { createHash } from 'node:crypto';

const MIX = 0x9e3779b97f4a7c15n;
const HEX_16 = /^[0-9a-f]{16}$/i;
const HEX_32 = /^[0-9a-f]{32}$/i;

/** 64 bits of a trace id, or null without one. */
export function traceKey(traceId: string | undefined): bigint | null {
  if (traceId === undefined || traceId === '') return null;
  if (!HEX_32.test(traceId)) return digest(traceId);
  // One half is multiplied first: ids whose halves are equal would all give 0 otherwise.
  return BigInt.asUintN(64, BigInt(`0x${traceId.slice(0, 16)}`) * MIX) ^ BigInt(`0x${traceId.slice(16)}`);
}

/**
 * 64 bits that stand for one span of one trace, or null without ids. The trace takes part so that sources
 * with small or repeated span ids don't mix their traces; two of n spans share a key with a chance of about n²/2⁶⁵.
 */
export function spanKey(traceId: string | undefined, spanId: string | undefined): bigint | null {
  const trace = traceKey(traceId);
  if (trace === null || spanId === undefined || spanId === '') return null;
  const span = HEX_16.test(spanId) ? BigInt(`0x${spanId}`) : digest(spanId);
  return BigInt.asUintN(64, trace * MIX) ^ span;
}

function digest(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}
