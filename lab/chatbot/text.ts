/** Words of a text in lower case; letters and digits of any script. */
export function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** FNV-1a, 32 bit: small, well spread, the same on every machine. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

const LONGEST_PIECE = 6;
const COMMON_PIECES = new Set(
  (
    'the and ing ion tion ation ment ness able ible ance ence ed er est ers es s ly al ally ic ical ive ity ful less ' +
    'ous un re in im dis pre pro con com de ex over under inter trans sub super auto micro log trace span metric ' +
    'serv ice service request response latency time out error rate limit queue pool cache store index query data ' +
    'base cpu memory task cluster deploy scale load balance health check sample token model prompt vector search ' +
    'you your what why how when where which this that with from have has can could should would will are is was ' +
    'were not for but all any our their they them there here more most than then into about after before while'
  ).split(' '),
);

/**
 * Tokens a subword tokeniser makes of the text: for each word the longest known pieces from left to right, single
 * characters where none is known; punctuation counts one each. Close to what byte-pair vocabularies give for English.
 */
export function countTokens(text: string): number {
  let count = text.match(/[^\p{L}\p{N}\s]/gu)?.length ?? 0;
  for (const word of words(text)) {
    let from = 0;
    while (from < word.length) {
      let length = Math.min(LONGEST_PIECE, word.length - from);
      while (length > 1 && !COMMON_PIECES.has(word.slice(from, from + length))) length -= 1;
      from += Math.max(1, length);
      count += 1;
    }
  }
  return count;
}
