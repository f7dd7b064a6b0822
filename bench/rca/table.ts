import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../../src/diagnosis/reason/statistics.ts';
import { baselineEngines } from './baselines.ts';
import { readTruths, type Truth } from './layout.ts';
import { productEngine } from './product-engine.ts';
import { PUBLISHED } from './published.ts';
import { type Outcome, runCases } from './run.ts';
import { type Score, scoreAnswer, wilson } from './score.ts';

/** Beside the checkout, where incident data are put to be shared. */
export const DEFAULT_DATA = '../shared/rca';
const QUIET = 'quiet';

interface Scored extends Outcome {
  readonly truth: Truth;
  readonly score: Score;
}

/** How often the right culprit comes first, by data set and kind of fault, beside simple methods. `npm run bench -- rca [--data DIR]`. */
export default async function rca(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { data: { type: 'string', default: DEFAULT_DATA }, misses: { type: 'boolean', default: false } },
  });
  const data = resolve(values.data);
  if (!(await stat(data).catch(() => null))?.isDirectory()) {
    console.log(`No incident data: there is no folder ${data}. --data DIR names another.`);
    return;
  }
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const scored: Scored[] = [];
  const truths = new Map<string, ReadonlyMap<string, Truth>>();
  // The engine asks first: what the simple methods then read comes from the client's cache.
  for await (const outcome of runCases(data, [productEngine, ...baselineEngines], abort.signal, (line) =>
    console.error(line),
  )) {
    const { set } = outcome;
    const known = truths.get(set.name) ?? (await readTruths(set));
    truths.set(set.name, known);
    const truth = known.get(outcome.case.id);
    if (truth !== undefined) scored.push({ ...outcome, truth, score: scoreAnswer(outcome.answer, truth) });
  }
  printTable(scored);
  console.log('\nPublished, on the same data or its test split:');
  for (const { method, on, top1, top3 } of PUBLISHED)
    console.log(
      `  ${method.padEnd(42)}${on.padEnd(44)}top-1 ${percent(top1)}  top-3 ${top3 === null ? '–' : percent(top3)}`,
    );
  if (values.misses) printMisses(scored.filter((one) => one.engine === productEngine.name));
}

function printTable(scored: readonly Scored[]): void {
  for (const set of unique(scored.map((one) => one.set.name))) {
    for (const group of unique(
      scored.filter((one) => one.set.name === set).map((one) => one.truth.group),
    ).sort()) {
      console.log(`\n${set}, ${group}`);
      const cases = scored.filter((one) => one.set.name === set && one.truth.group === group);
      for (const engine of unique(cases.map((one) => one.engine))) {
        const own = cases.filter((one) => one.engine === engine);
        const n = own.length;
        const within = (places: number): string =>
          share(own.filter((one) => one.score.rank !== null && one.score.rank <= places).length, n);
        const kinds = own.filter((one) => one.score.kindRight !== null);
        const cells =
          group === QUIET
            ? [`says nothing is wrong ${share(own.filter((one) => one.score.verdictRight).length, n)}`]
            : [
                `top-1 ${within(1)}`,
                `top-3 ${within(3)}`,
                `top-5 ${within(5)}`,
                ...(kinds.length > 0 && engine === productEngine.name
                  ? [`kind ${share(kinds.filter((one) => one.score.kindRight).length, kinds.length)}`]
                  : []),
              ];
        const cost =
          engine === productEngine.name
            ? `  ${median(own.map((one) => one.ms)).toFixed(0)} ms, ${Math.max(...own.map((one) => one.requests))} requests`
            : '';
        console.log(`  ${engine.padEnd(36)}${cells.join('  ')}${cost}`);
      }
    }
  }
}

function printMisses(scored: readonly Scored[]): void {
  console.log('\nMissed:');
  for (const { case: one, truth, answer, score } of scored) {
    const right = truth.target === null ? score.verdictRight : score.rank === 1 && score.kindRight !== false;
    if (right) continue;
    const said = answer.ranking
      .slice(0, 3)
      .map(({ target, kind, score: of }) => `${target} (${kind}) ${of.toFixed(2)}`);
    console.log(
      `  ${one.id}: ${truth.target ?? 'nothing'} (${truth.kind ?? '–'}); said ${answer.verdict}: ${said.join(', ')}`,
    );
  }
}

function share(hits: number, n: number): string {
  const interval = wilson(hits, n);
  const range = interval === null ? '' : ` [${percent(interval[0])}–${percent(interval[1])}]`;
  return `${hits}/${n}${range}`.padEnd(20);
}

function percent(value: number): string {
  return `${Math.round(value * 100)}%`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
