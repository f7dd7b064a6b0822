/**
 * `npm test`: every stage, one after the other, then one line that counts.
 * A stage that can't run here is skipped by name with its reason; a stage that throws has failed.
 * `npm test -- NAME…` runs the stages whose names begin so.
 */
import { checks } from './checks.ts';
import { extensionStage } from './extension/run.ts';
import { leftoversStage } from './leftovers.ts';
import { packageStage } from './package/run.ts';
import { scenariosStage } from './scenarios.ts';
import { failed, type Stage, type StageResult, total } from './stage.ts';
import { unitStage } from './unit.ts';
import { walkStage } from './walk/run.ts';

const stages: readonly Stage[] = [
  ...checks,
  unitStage,
  packageStage,
  extensionStage,
  scenariosStage,
  walkStage,
  leftoversStage,
];

async function runStage(stage: Stage, signal: AbortSignal): Promise<StageResult> {
  const began = Date.now();
  console.log(`\n── ${stage.name}`);
  let result: StageResult;
  try {
    result = await stage.run(signal);
  } catch (error) {
    result = failed(stage.name, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  for (const { name, detail } of result.failures)
    console.log(`   FAILED ${name}\n${detail.replace(/^/gm, '     ')}`);
  for (const { name, reason } of result.skipped) console.log(`   SKIPPED ${name}: ${reason}`);
  console.log(`   ${result.passed} passed in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  return result;
}

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());

const wanted = process.argv.slice(2);
const results: StageResult[] = [];
for (const stage of stages) {
  if (wanted.length > 0 && !wanted.some((name) => stage.name.startsWith(name))) continue;
  results.push(await runStage(stage, abort.signal));
  if (abort.signal.aborted) break;
}

const sum = total(results);
if (sum.skipped.length > 0) {
  console.log('\nSkipped:');
  for (const { name, reason } of sum.skipped) console.log(`  ${name}: ${reason}`);
}
if (sum.failures.length > 0) {
  console.log('\nFailed:');
  for (const { name } of sum.failures) console.log(`  ${name}`);
}
console.log(`\n${sum.passed} passed, ${sum.failures.length} failed, ${sum.skipped.length} skipped`);
process.exitCode = abort.signal.aborted ? 130 : sum.failures.length > 0 || sum.passed === 0 ? 1 : 0;
