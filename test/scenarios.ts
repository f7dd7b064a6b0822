import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readToolchain } from '../lab/setup/toolchain.mjs';
import { checkout, runCommand } from './command.ts';
import { expectations, general, type ScenarioReport } from './lab/scenario-expectations.ts';
import { failed, passed, type Stage, type StageResult, skipped, total } from './stage.ts';

/** Far more than they take: a lab that hangs must not hold the whole run up. */
const SERIES_LIMIT_MS = 900_000;

/**
 * Faults are caused on a real machine, and one that was busy with something else for a while may have had another. So
 * few that were not answered right are caused once more, which is said; more of them are no accident.
 */
const MOST_TRIED_AGAIN = 2;

const NO_ANSWER = 'no answer';

/** A scenario's report, or why there is none, and what is wrong with either. */
interface Answered {
  readonly name: string;
  readonly problems: readonly string[];
  readonly detail: string;
}

/** All scenarios in one lab, and those that were not answered right once more in another. */
async function runScenarios(signal: AbortSignal): Promise<readonly StageResult[]> {
  const names = Object.keys(expectations);
  const began = performance.now();
  const { answers, problem } = await runSeries(names, signal);
  console.log(`   ${names.length} scenarios in ${Math.round((performance.now() - began) / 1000)} s`);
  const wrong = answers.filter(isWrong);
  console.log(`   right at the first attempt: ${names.length - wrong.length} of ${names.length}`);
  if (wrong.length > 0 && accidents(wrong) <= MOST_TRIED_AGAIN) {
    for (const { name, problems, detail } of wrong)
      console.log(`   TRIED AGAIN ${name}, as it was not so: ${problems.join('; ')}\n      ${detail}`);
    const again = await runSeries(againWith(wrong), signal);
    return [
      ...answers.map((one) =>
        isWrong(one) ? toResult(again.answers.find(({ name }) => name === one.name) ?? one) : toResult(one),
      ),
      ...endOf(problem ?? again.problem),
    ];
  }
  return [...answers.map(toResult), ...endOf(problem)];
}

/** A lab with one scenario takes its time; as one of a series it gets what it had before. */
function againWith(wrong: readonly Answered[]): readonly string[] {
  const names = wrong.map(({ name }) => name);
  if (names.length > 1) return names;
  return [names.includes('healthy') ? 'llm-bound' : 'healthy', ...names];
}

function toResult({ name, problems, detail }: Answered): StageResult {
  return problems.length === 0
    ? passed(1)
    : failed(`scenario ${name}`, `not so: ${problems.join('; ')}\n${detail}`);
}

function endOf(problem: string | null): readonly StageResult[] {
  return problem === null ? [] : [failed('the end of the lab with all scenarios', problem)];
}

/** A lab that ended early left all that were to come without an answer: that is one accident. */
function accidents(wrong: readonly Answered[]): number {
  const unanswered = wrong.filter(({ problems }) => problems.includes(NO_ANSWER)).length;
  return wrong.length - unanswered + Math.min(unanswered, 1);
}

function isWrong({ problems }: Answered): boolean {
  return problems.length > 0;
}

interface Series {
  readonly answers: readonly Answered[];
  /** What went wrong after all had been answered. */
  readonly problem: string | null;
}

/** Scenarios one after the other in one lab, through the command that people run. */
async function runSeries(names: readonly string[], signal: AbortSignal): Promise<Series> {
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ['lab/start.ts', '--headless', '--json', '--scenario', names.join(',')],
    { signal, timeout: SERIES_LIMIT_MS },
  );
  const ended = `exit ${code}\n${stderr.slice(-3000)}`;
  const reports = new Map(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(readReport)
      .map((report) => [report.scenario, report]),
  );
  const answers = names.map((name) => {
    const report = reports.get(name);
    return report === undefined ? { name, problems: [NO_ANSWER], detail: ended } : judge(name, report);
  });
  return { answers, problem: code !== 0 && reports.size === names.length ? ended : null };
}

function readReport(line: string): ScenarioReport {
  try {
    return JSON.parse(line) as ScenarioReport;
  } catch (cause) {
    throw new Error(`stdout holds a line that is no JSON object: ${line.slice(0, 300)}`, { cause });
  }
}

function judge(name: string, report: ScenarioReport): Answered {
  const problems = [...(expectations[name]?.(report) ?? []), ...general(report)];
  const kinds = report.causes.map(({ kind }) => kind).join(', ');
  console.log(`   ${name}: ${report.verdict}${kinds === '' ? '' : ` (${kinds})`}`);
  return { name, problems, detail: JSON.stringify(report).slice(0, 4000) };
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
