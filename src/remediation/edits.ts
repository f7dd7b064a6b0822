import { sha256 } from '../content-hash.ts';
import { Problem } from '../problem.ts';
import type { Edit } from './proposal.ts';

/** A replacement of a range of a text, in UTF-16 code units. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

/** A file's bytes and its text; the text keeps a byte order mark and its line ends, so that encoding it gives the bytes. */
export interface FileText {
  readonly file: string;
  readonly text: string;
  readonly sha256: string;
}

/** Text of a file as UTF-8, nothing changed; refuses what is not text. */
export function decodeFile(file: string, bytes: Uint8Array): FileText {
  if (bytes.includes(0)) throw notText(file);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { file, text, sha256: sha256(bytes) };
  } catch {
    throw notText(file);
  }
}

function notText(file: string): Problem {
  return new Problem('refused', `${file} is not a UTF-8 text file.`, 'Make this change by hand.');
}

/**
 * Edits that make the replacements. Each one's `oldText` is grown by whole lines, and then by more of them, until it
 * matches once in the file; replacements that then overlap become one edit.
 */
export function buildEdits(file: FileText, replacements: readonly Replacement[]): readonly Edit[] {
  const { text } = file;
  const ordered = [...replacements].sort((a, b) => a.start - b.start);
  for (const [index, one] of ordered.entries()) {
    const previous = ordered[index - 1];
    if (
      one.start < 0 ||
      one.end < one.start ||
      one.end > text.length ||
      (previous && previous.end > one.start)
    ) {
      throw new Problem(
        'bad-input',
        `The changes of ${file.file} overlap or lie outside of it.`,
        'Propose again.',
      );
    }
  }
  let regions = ordered.map((one) => unique(text, { start: one.start, end: one.end, parts: [one] }));
  for (let merged = merge(regions); merged.length < regions.length; merged = merge(regions)) {
    regions = merged.map((region) => unique(text, region));
  }
  return regions.map((region) => ({
    file: file.file,
    baseSha256: file.sha256,
    oldText: text.slice(region.start, region.end),
    newText: replaceAll(text, region.parts, region.start, region.end),
  }));
}

interface Region {
  readonly start: number;
  readonly end: number;
  readonly parts: readonly Replacement[];
}

function unique(text: string, region: Region): Region {
  let { start, end } = wholeLines(text, region.start, region.end);
  while (occurrences(text, text.slice(start, end)) > 1 && (start > 0 || end < text.length)) {
    ({ start, end } = wholeLines(text, Math.max(0, start - 1), Math.min(text.length, end + 1)));
  }
  return { ...region, start, end };
}

/** Widened to whole lines, without the last line's end. */
function wholeLines(text: string, start: number, end: number): { start: number; end: number } {
  const before = start === 0 ? 0 : text.lastIndexOf('\n', start - 1) + 1;
  const after = text.indexOf('\n', end);
  const lineEnd = after === -1 ? text.length : after;
  return { start: before, end: lineEnd > end && text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd };
}

function merge(regions: readonly Region[]): Region[] {
  const merged: Region[] = [];
  for (const region of regions) {
    const last = merged.at(-1);
    if (last && region.start < last.end) {
      merged[merged.length - 1] = {
        start: Math.min(last.start, region.start),
        end: Math.max(last.end, region.end),
        parts: [...last.parts, ...region.parts],
      };
    } else merged.push(region);
  }
  return merged;
}

/** How often a text occurs, overlapping ones counted; at most 2 are told apart. */
function occurrences(text: string, part: string): number {
  if (part === '') return text === '' ? 1 : 2;
  const first = text.indexOf(part);
  if (first === -1) return 0;
  return text.indexOf(part, first + 1) === -1 ? 1 : 2;
}

function replaceAll(text: string, parts: readonly Replacement[], from: number, to: number): string {
  let result = '';
  let at = from;
  for (const part of parts) {
    result += text.slice(at, part.start) + part.newText;
    at = part.end;
  }
  return result + text.slice(at, to);
}

/**
 * Applies edits to one file, strictly: the file must be the very one they were made for, each `oldText` must match
 * exactly once in it, and no two may touch the same text. Nothing is searched for nearby.
 */
export function applyEdits(file: FileText, edits: readonly Edit[]): string {
  const places = edits.map((edit) => placeOf(file, edit)).sort((a, b) => a.start - b.start);
  for (const [index, place] of places.entries()) {
    const previous = places[index - 1];
    if (previous && previous.end > place.start) {
      throw new Problem(
        'bad-input',
        `Two edits change the same text of ${file.file}.`,
        'Make them one edit.',
      );
    }
  }
  const result = replaceAll(file.text, places, 0, file.text.length);
  if (result.includes('\0')) throw notText(file.file);
  return result;
}

function placeOf(file: FileText, edit: Edit): Replacement {
  if (edit.baseSha256 !== file.sha256) {
    throw new Problem(
      'stale',
      `${file.file} is not as it was when the proposal was made.`,
      'Diagnose again (or propose again) with the file as it is now.',
    );
  }
  const found = edit.oldText === '' ? 2 : occurrences(file.text, edit.oldText);
  if (found !== 1) {
    throw new Problem(
      'bad-input',
      `The old text of an edit matches ${found === 0 ? 'nowhere' : 'more than once'} in ${file.file}${found === 0 ? nearest(file.text, edit.oldText) : ''}.`,
      found === 0
        ? 'Copy the old text from the file, with its spaces and line ends.'
        : 'Give more of the lines around it, so that it matches once.',
    );
  }
  const start = file.text.indexOf(edit.oldText);
  return { start, end: start + edit.oldText.length, newText: edit.newText };
}

/** The line of the file that is most like the first line of a text that was not found: for whoever has to mend the edit. */
function nearest(text: string, wanted: string): string {
  const line = wanted.split('\n').find((one) => one.trim() !== '');
  if (line === undefined) return '';
  const words = new Set(line.trim().split(/\W+/).filter(Boolean));
  let best: { score: number; number: number; line: string } | undefined;
  for (const [index, candidate] of text.split('\n').slice(0, 20_000).entries()) {
    const score = candidate.split(/\W+/).filter((word) => words.has(word)).length;
    if (score > (best?.score ?? 0)) best = { score, number: index + 1, line: candidate.trim().slice(0, 120) };
  }
  return best ? ` (nearest: line ${best.number}, \`${best.line}\`)` : '';
}

/** Gives the texts of edits the line ends of the file, where the file has only CRLF: models write bare LF. */
export function withLineEndsOf(file: FileText, edit: Edit): Edit {
  const crlf = file.text.includes('\r\n') && !/(^|[^\r])\n/.test(file.text);
  if (!crlf || edit.oldText.includes('\r')) return edit;
  const convert = (text: string) => text.replace(/\r?\n/g, '\r\n');
  return { ...edit, oldText: convert(edit.oldText), newText: convert(edit.newText) };
}
