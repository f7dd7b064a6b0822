import { Problem } from '../problem.ts';
import type { Column, QuerySpec } from './query.ts';

const MAX_COMPARED_LENGTH = 100;

/**
 * Known names closest to one that is not known: those that contain it or are contained first, then by edit
 * distance, at most half the name apart.
 */
export function nearestNames(name: string, known: Iterable<string>, count = 3): readonly string[] {
  const wanted = fold(name);
  const scored: { readonly name: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const folded = fold(candidate);
    const contains =
      wanted.length > 2 && folded.length > 2 && (folded.includes(wanted) || wanted.includes(folded));
    const distance = editDistance(wanted, folded);
    if (contains) scored.push({ name: candidate, distance: Math.min(distance, 1) });
    else if (distance <= Math.max(2, Math.floor(wanted.length / 2)))
      scored.push({ name: candidate, distance });
  }
  return scored
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map((entry) => entry.name);
}

/** Column names that a spec takes from the events, without its calculated fields and relational prefixes. */
export function columnsOf(spec: QuerySpec): readonly string[] {
  const calculated = new Set((spec.calculated_fields ?? []).map((field) => field.name));
  const named = [
    ...(spec.breakdowns ?? []),
    ...spec.calculations.map((calculation) => calculation.column),
    ...(spec.filters ?? []).map((filter) => filter.column),
  ];
  const names = new Set<string>();
  for (const name of named) {
    if (name === undefined || name === 'is_root' || calculated.has(name)) continue;
    names.add(withoutRelation(name));
  }
  return [...names];
}

/** True when a spec uses relational columns, which Honeycomb limits to one query a minute. */
export function isRelational(spec: QuerySpec): boolean {
  const prefixed = (name: string | undefined): boolean =>
    name !== undefined && (name === 'is_root' || withoutRelation(name) !== name);
  return (
    (spec.breakdowns ?? []).some(prefixed) ||
    (spec.filters ?? []).some((filter) => prefixed(filter.column)) ||
    spec.calculations.some((calculation) => prefixed(calculation.column)) ||
    (spec.calculated_fields ?? []).some((field) =>
      /\$["`]?(?:root|parent|child|any\d*|none)\./.test(field.expression),
    )
  );
}

/** Throws a `bad-input` Problem that names the nearest columns when the spec uses one that the dataset lacks. */
export function checkColumns(spec: QuerySpec, columns: readonly Column[], dataset: string): void {
  const known = new Set(columns.map((column) => column.name));
  for (const name of columnsOf(spec)) {
    if (known.has(name)) continue;
    const nearest = nearestNames(name, known);
    throw new Problem(
      'bad-input',
      `Dataset ${dataset} has no column ${name}.`,
      nearest.length > 0 ? `Nearest are: ${nearest.join(', ')}.` : 'List its columns and choose one of them.',
    );
  }
}

function withoutRelation(name: string): string {
  return name.replace(/^(?:root|parent|child|any\d*|none)\./, '');
}

function fold(name: string): string {
  return name.slice(0, MAX_COMPARED_LENGTH).toLowerCase();
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
