import type { ComparedValue, Gap } from '../diagnosis.ts';
import type { Comparison } from '../gather/gathered.ts';
import type { CaseFile } from './case-file.ts';
import { discoveryRates, type FourFold, independence, logOddsRatio } from './contingency.ts';
import { formatMs, formatShare, oneLine, quantities, quantity, telemetrySource } from './evidence.ts';
import { isPlausible, rounded } from './statistics.ts';

/** One value of one attribute, tested. */
export interface Effect extends FourFold {
  readonly attribute: string;
  readonly value: string | null;
  /** Share among the slow less the share among the others, −1…1. */
  readonly difference: number;
  readonly logOddsRatio: number;
  readonly qValue: number;
}

/** Fewer requests on either side carry no share worth comparing. */
const LEAST_REQUESTS = 20;
/** Of what is named one in twenty may be chance. */
const MOST_FALSE = 0.05;
/** With many requests a difference of one point is certain and still tells nobody where to look. */
const LEAST_DIFFERENCE = 0.1;
const MOST_NAMED = 5;
/** Where fewer than a tenth were spared all requests are slow, whatever they have in common: nothing is left to tell. */
const SPARED = 0.1;
const LONGEST_VALUE = 80;

/** What the slow requests of the incident have in common that the others lack. */
export function compareRequests(file: CaseFile): {
  readonly comparison: readonly ComparedValue[];
  readonly gaps: readonly Gap[];
} {
  const { comparison } = file.gathered;
  if (comparison === null) return { comparison: [], gaps: [] };
  const { slow, others } = totals(comparison);
  if (Math.min(slow, others) < LEAST_REQUESTS) {
    const isPart = file.isSlow && others >= SPARED * (slow + others);
    return { comparison: [], gaps: isPart ? [tooFew(comparison, slow, others)] : [] };
  }
  return {
    comparison: overRepresented(compare(comparison)).map((effect) => describe(file, comparison, effect)),
    gaps: [],
  };
}

/** All values of all attributes, tested; the greatest difference first. */
export function compare(comparison: Pick<Comparison, 'attributes' | 'rows'>): readonly Effect[] {
  const { slow, others } = totals(comparison);
  const tables = comparison.attributes.flatMap((attribute, place) => {
    const byValue = new Map<string | null, { slowWith: number; othersWith: number }>();
    for (const { slow: isSlow, count, values } of comparison.rows) {
      const value = values[place] ?? null;
      const known = byValue.get(value) ?? { slowWith: 0, othersWith: 0 };
      known[isSlow ? 'slowWith' : 'othersWith'] += whole(count);
      byValue.set(value, known);
    }
    // What all requests share tells none of them apart, and is no test.
    if (byValue.size < 2) return [];
    return [...byValue].map(([value, { slowWith, othersWith }]) => ({
      attribute,
      value,
      slowWith,
      slowWithout: slow - slowWith,
      othersWith,
      othersWithout: others - othersWith,
    }));
  });
  const rates = discoveryRates(tables.map(independence));
  return tables
    .map((table, index) => ({
      ...table,
      difference: share(table.slowWith, slow) - share(table.othersWith, others),
      logOddsRatio: logOddsRatio(table),
      qValue: rates[index] ?? 1,
    }))
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference) || (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** Those to be named: more frequent among the slow by more than chance, and by enough to matter. */
export function overRepresented(effects: readonly Effect[]): readonly Effect[] {
  return effects
    .filter(({ difference, qValue }) => difference >= LEAST_DIFFERENCE && qValue <= MOST_FALSE)
    .slice(0, MOST_NAMED);
}

function describe(file: CaseFile, comparison: Comparison, effect: Effect): ComparedValue {
  const { symptom, gathered } = file;
  const { attribute, value, slowWith, slowWithout, othersWith, othersWithout } = effect;
  const shareSlow = rounded(share(slowWith, slowWith + slowWithout));
  const shareOthers = rounded(share(othersWith, othersWith + othersWithout));
  const having = valueWords(effect);
  const evidence = file.book.add({
    kind: 'comparison',
    subject: { service: symptom.service, operation: symptom.operation },
    summary:
      `${formatShare(shareSlow)} of the requests that took longer than ${formatMs(comparison.threshold)} have ${having}, ` +
      `${formatShare(shareOthers)} of the others.`,
    window: gathered.windows.incident,
    numbers: quantities(
      quantity(`share of the slow with ${having}`, shareSlow, 'share'),
      quantity(`share of the others with ${having}`, shareOthers, 'share'),
      quantity('log odds ratio', effect.logOddsRatio, 'ratio'),
      quantity('false discovery rate', effect.qValue, 'ratio'),
      quantity('slow requests', slowWith + slowWithout, 'count'),
      quantity('other requests', othersWith + othersWithout, 'count'),
      quantity('slow from', comparison.threshold, 'ms'),
    ),
    n: slowWith + slowWithout + othersWith + othersWithout,
    source: telemetrySource(gathered, comparison.query),
  });
  return {
    attribute,
    value,
    shareSlow,
    shareOthers,
    logOddsRatio: rounded(effect.logOddsRatio),
    qValue: rounded(effect.qValue),
    evidence,
  };
}

/** `app.tenant = acme`, or `no app.tenant`. */
export function valueWords({ attribute, value }: Pick<ComparedValue, 'attribute' | 'value'>): string {
  if (value === null) return `no ${attribute}`;
  return `${attribute} = ${oneLine(value, LONGEST_VALUE)}`;
}

function tooFew({ threshold }: Comparison, slow: number, others: number): Gap {
  const [few, kind] = slow < others ? [slow, 'slow'] : [others, 'other'];
  return {
    what: 'What the slow requests have in common',
    why:
      `Of ${slow + others} requests in the incident ${slow} took longer than ${formatMs(threshold)}: ` +
      `${few} ${kind} ${few === 1 ? 'request is' : 'requests are'} too few to compare with.`,
    nextStep: 'Ask again when there is more traffic, or look back further.',
  };
}

function totals({ rows }: Pick<Comparison, 'rows'>): { readonly slow: number; readonly others: number } {
  let slow = 0;
  let others = 0;
  for (const row of rows) {
    if (row.slow) slow += whole(row.count);
    else others += whole(row.count);
  }
  return { slow, others };
}

/** Counts are weighted by the sample rate, which need not be whole, and which makes the test surer than the spans are. */
function whole(count: number): number {
  return isPlausible(count) ? Math.round(count) : 0;
}

function share(part: number, all: number): number {
  return all > 0 ? part / all : 0;
}

function nameOf({ attribute, value }: Effect): string {
  return JSON.stringify([attribute, value]);
}
