/**
 * One value of one column. The JavaScript type says which column type it asks for:
 * string, boolean, bigint (integer) or number (float).
 */
export type FieldValue = string | boolean | bigint | number;

/** One event as the store keeps it: a span, a span event, a link, a metric's data point or a log record. */
export interface EventRow {
  /** Epoch nanoseconds. */
  readonly time: bigint;
  readonly dataset: string;
  /** How many real events this one stands for; 1 when nothing was sampled. */
  readonly sampleRate: number;
  readonly fields: Map<string, FieldValue>;
}

/** Longer text is cut: Honeycomb takes at most 64 KB in a value. */
export const MAX_STRING_LENGTH = 65_536;
/** More columns in one event are left out: Honeycomb takes at most 2,000. */
export const MAX_FIELDS_PER_EVENT = 2_000;
/** Longer names are left out: they are never a name that a person chose. */
export const MAX_KEY_LENGTH = 1_024;
