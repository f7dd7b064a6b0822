import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gather } from '../../src/diagnosis/gather/gather.ts';
import { features, knownDoubts, WEIGHTS } from '../../src/diagnosis/reason/confidence.ts';
import { openCase } from '../../src/diagnosis/reason/open-case.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { leadingSigns } from '../../src/diagnosis/reason/suspects-question.ts';
import { VARIANTS } from './degrade.ts';
import { readDataSets, readTruths } from './layout.ts';
import { chance, fitLogistic, type Observation } from './logistic.ts';
import { readMeasurements } from './measurements.ts';
import { askedOf, windowsOf } from './product-engine.ts';
import { isSameKind, wilson } from './score.ts';
import { openSpanStore } from './span-store.ts';
import { DEFAULT_DATA } from './table.ts';

/** One accusation of the engine: what it rests on, whether target and kind are right, and what it said. */
interface Accusation {
  readonly caseId: string;
  readonly variant: string;
  readonly features: readonly number[];
  readonly offset: number;
  readonly isRight: boolean;
  readonly said: number;
}

const FOLDS = 5;
const BINS = [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01];

/**
 * Of the answers that say 80–90 %, how many are right? Every case as gathered and with less to go by; weights fitted on
 * four fifths of the cases are tested on the rest. `npm run bench -- calibration [--data DIR]`.
 */
export default async function calibration(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { data: { type: 'string', default: DEFAULT_DATA } },
  });
  const data = resolve(values.data);
  if (!(await stat(data).catch(() => null))?.isDirectory()) {
    console.log(`No incident data: there is no folder ${data}. --data DIR names another.`);
    return;
  }
  const accusations = await accuse(data);
  const cases = [...new Set(accusations.map((one) => one.caseId))];
  console.log(
    `${accusations.length} accusations in ${cases.length} cases, as gathered and with less to go by\n`,
  );
  const heldOut = accusations.map((one) => {
    const fold = cases.indexOf(one.caseId) % FOLDS;
    return { one, fold };
  });
  const byFold = Array.from({ length: FOLDS }, (_, fold) =>
    fitTo(heldOut.filter((each) => each.fold !== fold).map((each) => each.one)),
  );
  printReliability(
    'Cross-validated over cases',
    heldOut.map(({ one, fold }) => ({
      said: chance(one.features, byFold[fold] ?? [], one.offset),
      isRight: one.isRight,
    })),
  );
  printReliability('As the product says it', accusations);
  for (const { name } of VARIANTS)
    printReliability(
      `  ${name}`,
      accusations.filter((one) => one.variant === name),
    );
  const show = (weights: readonly number[]): string => weights.map((weight) => weight.toFixed(2)).join(', ');
  console.log(`\nWeights in the product    ${show(WEIGHTS)}`);
  console.log(`fitted to all cases       ${show(fitTo(accusations))}`);
}

async function accuse(data: string): Promise<readonly Accusation[]> {
  const found: Accusation[] = [];
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  for (const set of await readDataSets(data)) {
    if (set.spans === null) continue;
    const measurements = await readMeasurements(set);
    const truths = await readTruths(set);
    console.error(`${set.name}: loading spans into the local store`);
    const spans = await openSpanStore(set.spans, abort.signal);
    try {
      for (const one of set.cases) {
        const windows = windowsOf(one);
        const truth = truths.get(one.id);
        if (windows === null || truth === undefined) continue;
        const input = { case: one, spans: spans.store, metrics: measurements.machines(one), map: null };
        const { request, ports } = askedOf(input, spans.store, windows);
        const whole = await gather(request, ports, abort.signal);
        for (const variant of VARIANTS) {
          for (const gathered of variant.of(whole)) {
            const leading = leadingSigns(openCase(gathered));
            const said = reason(gathered).causes[0]?.confidence;
            // A guessed kind is halved by rule, not by these cases, which hold only two kinds.
            if (leading === null || said === undefined || leading.signs.certainty === 'guess') continue;
            found.push({
              caseId: one.id,
              variant: variant.name,
              features: features(leading.signs),
              offset: knownDoubts(leading.signs),
              isRight: leading.service === truth.target && isSameKind(leading.kind, truth) !== false,
              said,
            });
          }
        }
      }
    } finally {
      await spans.close();
    }
  }
  return found;
}

/** Variants of one case are no independent observations: together they count as one. */
function fitTo(accusations: readonly Accusation[]): readonly number[] {
  const counts = new Map<string, number>();
  for (const { caseId } of accusations) counts.set(caseId, (counts.get(caseId) ?? 0) + 1);
  return fitLogistic(
    accusations.map(
      (one): Observation => ({
        features: one.features,
        offset: one.offset,
        isTrue: one.isRight,
        weight: 1 / (counts.get(one.caseId) ?? 1),
      }),
    ),
    WEIGHTS.length,
  );
}

function printReliability(
  title: string,
  answers: readonly { readonly said: number; readonly isRight: boolean }[],
): void {
  console.log(title);
  for (const [index, from] of BINS.slice(0, -1).entries()) {
    const to = BINS[index + 1] ?? 1;
    const inside = answers.filter(({ said }) => said >= from && said < to);
    if (inside.length === 0) continue;
    const right = inside.filter(({ isRight }) => isRight).length;
    const mean = inside.reduce((sum, { said }) => sum + said, 0) / inside.length;
    const [low, high] = wilson(right, inside.length) ?? [0, 1];
    const percent = (value: number): string => `${Math.round(value * 100)} %`;
    console.log(
      `  says ${percent(from).padStart(5)}–${percent(Math.min(1, to)).padEnd(6)} mean ${percent(mean).padStart(5)}   ` +
        `right ${String(right).padStart(3)}/${String(inside.length).padEnd(3)} = ${percent(right / inside.length).padStart(5)} [${percent(low)}–${percent(high)}]`,
    );
  }
}
