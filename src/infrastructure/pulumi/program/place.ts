/** The place in a project's text that sets a property of a resource. Offsets are UTF-16 code units of the file's text. */
export interface Place {
  /** Relative to the project's folder, forward slashes. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** What stands there now, such as `"512"` with its quotes. */
  readonly text: string;
  /** The same as a value, without quotes. */
  readonly value: string;
  readonly how: 'literal' | 'constant' | 'config' | 'default';
  /** In words: `const taskCpu in sizes.ts, line 4`. */
  readonly described: string;
  /** Other places that the same text feeds, in words; a change reaches them too. */
  readonly sharedWith: readonly string[];
}

/** The text that says `value` in the manner of the text that stands there: the same quotes, or a bare number. */
export function inTheMannerOf(text: string, value: string): string {
  const quote = text[0];
  return quote === '"' || quote === "'" || quote === '`' ? `${quote}${value}${quote}` : value;
}
