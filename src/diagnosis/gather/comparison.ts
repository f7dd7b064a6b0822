import type { QueryAnswer } from '../../telemetry/query.ts';
import { isPlausible, rounded } from '../reason/statistics.ts';
import type { ChosenSymptom } from '../reason/symptom.ts';
import type { Attributes } from './attributes.ts';
import { chooseColumns, type DistinctValues } from './compared-attributes.ts';
import type { ComparedRequests, Comparison, SymptomOperation } from './gathered.ts';
import { pool } from './pool.ts';
import { comparedField, FIELD, type SlowRequests } from './queries.ts';
import { isSlow, number, recordOf, text } from './rows.ts';

/** The first answer tells how many values each counted column has among the symptom's requests. */
export function distinctValues(
  answer: QueryAnswer,
  attributes: Attributes,
  symptom: SymptomOperation,
): DistinctValues {
  const row = answer.rows.find(
    (one) =>
      text(one[attributes.service]) === symptom.service && text(one[attributes.name]) === symptom.operation,
  );
  return new Map(
    Object.entries(row ?? {}).flatMap(([calculation, cell]) => {
      const column = /^COUNT_DISTINCT\((.*)\)$/s.exec(calculation)?.[1];
      return column === undefined ? [] : [[column, number(cell)]];
    }),
  );
}

/** Slow is what takes longer than all but a twentieth of the good time's requests, or, without one, of these themselves. */
export function slowRequests(
  chosen: ChosenSymptom,
  symptom: SymptomOperation,
  candidates: readonly string[],
  distinct: DistinctValues,
): SlowRequests | null {
  const { baselines, incident } = chosen.windows;
  const compared = baselines.length > 0 ? baselines : [incident];
  const inside = chosen.entry.points.filter(
    ({ time, count, p50, p95, p99 }) =>
      compared.some(({ start, end }) => time >= start && time < end) &&
      [count, p50, p95, p99].every(isPlausible),
  );
  // Of all of them together: the P95 of a point that holds a few requests lies far below that.
  const threshold = rounded(pool(inside).p95);
  if (threshold <= 0) return null;
  const instances = distinct.get(FIELD.instance) ?? 1;
  return { symptom, threshold, columns: chooseColumns(candidates, distinct, instances) };
}

/**
 * The symptom's requests in the incident, by slow or not, instance, version, and the chosen columns. Null for an answer
 * that was cut: the rarest groups are missing, which is where slow requests may well be.
 */
export function readComparison(
  answer: QueryAnswer,
  attributes: Attributes,
  { columns, threshold }: SlowRequests,
): Comparison | null {
  if (answer.truncated) return null;
  const [instance] = attributes.instance;
  const compared: readonly (readonly [attribute: string, field: string])[] = [
    ...(instance === undefined ? [] : [[instance, FIELD.instance] as const]),
    ...[attributes.version, attributes.revision].flatMap((column) =>
      column === null ? [] : [[column, column] as const],
    ),
    ...columns.map((column) => [column, comparedField(column)] as const),
  ];
  const rows = answer.rows.flatMap((row): ComparedRequests[] => {
    const slow = isSlow(row);
    return slow === null
      ? []
      : [{ slow, count: number(row['COUNT']), values: compared.map(([, field]) => text(row[field])) }];
  });
  return {
    threshold,
    attributes: compared.map(([attribute]) => attribute),
    rows,
    query: recordOf(answer),
  };
}
