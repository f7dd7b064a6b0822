import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readToolchain } from '../lab/setup/toolchain.mjs';
import { checkout, runCommand } from './command.ts';
import { expectations, general, type ScenarioReport } from './lab/scenario-expectations.ts';
import { failed, passed, type Stage, type StageResult, skipped, total } from './stage.ts';

/** Far more than they take: a lab that hangs must not hold the whole run up. */
const SERIES_LIMIT_MS = 900_000;

/** A report on a scenario, or why there is none. */
type Answered = { readonly report: ScenarioReport } | { readonly why: string };

/** All scenarios one after the other in one lab, through the command that people run. */
async function runScenarios(signal: AbortSignal): Promise<readonly StageResult[]> {
  const names = Object.keys(expectations);
  const began = performance.now();
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ['lab/start.ts', '--headless', '--json', '--scenario', names.join(',')],
    { signal, timeout: SERIES_LIMIT_MS },
  );
  console.log(`   ${names.length} scenarios in ${Math.round((performance.now() - began) / 1000)} s`);
  const answers = new Map(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(readReport)
      .map((report) => [report.scenario, report]),
  );
  const ended = `exit ${code}\n${stderr.slice(-3000)}`;
  const results = names.map((name) => {
    const report = answers.get(name);
    return judge(name, report === undefined ? { why: ended } : { report });
  });
  return code === 0 ? results : [...results, failed('the lab with all scenarios', ended)];
}

function readReport(line: string): ScenarioReport {
  try {
    return JSON.parse(line) as ScenarioReport;
  } catch (cause) {
    throw new Error(`stdout holds a line that is no JSON object: ${line.slice(0, 300)}`, { cause });
  }
}

function judge(name: string, answered: Answered): StageResult {
  if ('why' in answered) return failed(`scenario ${name}`, `no answer; ${answered.why}`);
  const { report } = answered;
  const problems = [...(expectations[name]?.(report) ?? []), ...general(report)];
  const kinds = report.causes.map(({ kind }) => kind).join(', ');
  console.log(`   ${name}: ${report.verdict}${kinds === '' ? '' : ` (${kinds})`}`);
  return problems.length === 0
    ? passed(1)
    : failed(`scenario ${name}`, `not so: ${problems.join('; ')}\n${JSON.stringify(report).slice(0, 4000)}`);
}

/** Ctrl-C in the middle leaves no run behind. */
async function interrupted(signal: AbortSignal): Promise<StageResult> {
  const name = 'Ctrl-C while the lab starts';
  const stop = new AbortController();
  const running = runCommand(process.execPath, ['lab/start.ts', '--headless'], {
    signal: AbortSignal.any([signal, stop.signal]),
    onStderr: () => {},
  }).catch((error: unknown) => error);
  await sleep(9000);
  stop.abort();
  await running;
  for (let waited = 0; waited < 20_000; waited += 500) {
    if ((await runsLeft()).length === 0) return passed(1);
    await sleep(500);
  }
  return failed(name, `left in .lab: ${(await runsLeft()).join(', ')}`);
}

async function runsLeft(): Promise<readonly string[]> {
  return readdir(join(checkout, '.lab')).catch(() => []);
}

/** Bad arguments are told, with what would be right, before anything starts. */
async function badArguments(signal: AbortSignal): Promise<StageResult> {
  const results: StageResult[] = [];
  for (const args of [
    ['--scenario', 'nonsense', '--headless'],
    ['--json'],
    ['--what'],
    ['--scenario', 'healthy,errors'],
  ]) {
    const { code, stdout, stderr } = await runCommand(process.execPath, ['lab/start.ts', ...args], {
      signal,
    });
    const told = code === 2 && stdout === '' && stderr.includes('Use: npm start');
    results.push(told ? passed(1) : failed(`npm start -- ${args.join(' ')}`, `exit ${code}: ${stderr}`));
  }
  return total(results);
}

/** The lab with each fault, told apart by the engine through the command that people run. */
export const scenariosStage: Stage = {
  name: 'scenarios',
  async run(signal) {
    const results = [await badArguments(signal)];
    const { pulumi, skipped: missing } = await readToolchain(signal);
    if (pulumi === undefined) {
      const reason =
        missing.find(({ name }) => name.startsWith('Pulumi'))?.reason ?? 'there is no Pulumi CLI';
      return total([...results, skipped('scenarios', reason)]);
    }
    results.push(...(await runScenarios(signal)));
    results.push(await interrupted(signal));
    return total(results);
  },
};
