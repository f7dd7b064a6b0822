import { AwsError } from '../aws-error.ts';

/**
 * The unstructured part of CloudWatch's filter pattern syntax: terms and "phrases" that must all occur, `?term` of which one must
 * occur, `-term` that must not. Case matters. JSON (`{ … }`) and space-delimited (`[ … ]`) patterns are refused, not ignored.
 */
export function logFilter(pattern: string): (message: string) => boolean {
  const trimmed = pattern.trim();
  if (/^[{[]/.test(trimmed)) {
    throw new AwsError(
      'InvalidParameterException',
      "The emulated cloud (not Amazon's) reads term patterns only, not { } or [ ].",
    );
  }
  const required: string[] = [];
  const optional: string[] = [];
  const excluded: string[] = [];
  for (const match of trimmed.matchAll(/([?-]?)(?:"([^"]*)"|(\S+))/g)) {
    const term = match[2] ?? match[3] ?? '';
    const list = match[1] === '?' ? optional : match[1] === '-' ? excluded : required;
    list.push(term);
  }
  return (message) =>
    required.every((term) => message.includes(term)) &&
    (optional.length === 0 || required.length > 0 || optional.some((term) => message.includes(term))) &&
    !excluded.some((term) => message.includes(term));
}
