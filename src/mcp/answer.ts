/** Characters of one answer, as JSON: about 2,000 tokens at four characters each. */
export const ANSWER_CHARACTERS = 8_000;
/** Longest single text of an answer, unless a tool caps it tighter. */
const TEXT_CHARACTERS = 6_000;

/**
 * Controls (but tab and line ends), the marks that reorder text, zero-width characters and the tag block:
 * none of them is seen by a person, any of them may carry something to a model.
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text from telemetry, state or files, without what can't be seen and no longer than `limit`. */
export function plain(text: string, limit = TEXT_CHARACTERS): string {
  const clean = text.replace(/\p{Surrogate}/gu, '\ufffd').replace(UNSEEN, '');
  if (clean.length <= limit) return clean;
  const head = clean.slice(0, limit - 1).replace(/[\ud800-\udbff]$/u, '');
  return `${head}…`;
}

/** The same on one line: for names and sentences. */
export function line(text: string, limit = 300): string {
  return plain(text.replace(/\s+/g, ' ').trim(), limit);
}

/** Every text and key of a JSON value through `redact` and `plain`; what JSON can't hold becomes null. */
export function cleanse(value: unknown, redact: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return plain(redact(value));
  // JSON has no negative zero; adding zero makes it the other one.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return null;
  if (depth >= 12) return '…';
  if (Array.isArray(value)) return value.map((item) => cleanse(item ?? null, redact, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [plain(key, 200), cleanse(item, redact, depth + 1)]),
  );
}

export function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}

/**
 * Shortens an answer's lists, in the order given, until it fits; says in `cut` what is missing.
 * Returns the answer as it is when it fits already.
 */
export function shorten(
  answer: Readonly<Record<string, unknown>>,
  lists: readonly string[],
  budget = ANSWER_CHARACTERS,
): Record<string, unknown> {
  const shortened: Record<string, unknown> = { ...answer };
  const before = Array.isArray(answer['cut']) ? answer['cut'] : [];
  const notes = new Map<string, string>();
  for (const name of lists) {
    const whole = answer[name];
    if (!Array.isArray(whole)) continue;
    let kept = whole.length;
    while (kept > 0 && sizeOf(shortened) > budget) {
      // Halving first keeps this quick for long lists; the last few go one by one.
      kept = kept > 16 ? Math.floor(kept * 0.75) : kept - 1;
      shortened[name] = whole.slice(0, kept);
      notes.set(name, `${name}: ${kept} of ${whole.length} shown`);
      shortened['cut'] = [...before, ...notes.values()];
    }
  }
  return shortened;
}

/** How many of `items`, from `from`, fit into `budget` characters of JSON; at least one when there is one. */
export function fitting(items: readonly unknown[], from: number, budget: number): number {
  let size = 0;
  let count = 0;
  for (const item of items.slice(from)) {
    size += sizeOf(item) + 1;
    if (count > 0 && size > budget) break;
    count += 1;
  }
  return count;
}

/** A number with at most `digits` after the point: latencies to a tenth of a microsecond help no one. */
export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function iso(epochMilliseconds: number): string {
  const date = new Date(epochMilliseconds);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString();
}
