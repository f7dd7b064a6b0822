import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readToolchain } from '../lab/setup/toolchain.mjs';
import { checkout, runCommand } from './command.ts';
import { failed, passed, type Stage, type StageResult, skipped, total } from './stage.ts';

/** The part of `--json` that a scenario is judged on. */
interface Report {
  readonly scenario: string;
  readonly verdict: string;
  readonly causes: readonly {
    readonly kind: string;
    readonly target: { readonly service: string; readonly resource?: string; readonly property?: string };
    readonly share: number | null;
    readonly confidence: number;
    readonly evidence: readonly string[];
  }[];
  readonly evidence: readonly {
    readonly id: string;
    readonly numbers: readonly { readonly unit: string; readonly value: number }[];
  }[];
  readonly patch?: {
    readonly diff: string;
    readonly changes: readonly { readonly property: string; readonly after: string }[];
  };
  readonly requests: number;
}

type Expectation = (report: Report) => readonly string[];

const expectations: Readonly<Record<string, Expectation>> = {
  'cpu-constrained': (report) => {
    const [first] = report.causes;
    const cited = report.evidence.filter(({ id }) => first?.evidence.includes(id));
    const after = new Map(report.patch?.changes.map(({ property, after }) => [property, after]));
    return unmet([
      ['the verdict is cause', report.verdict === 'cause'],
      ['the first cause is cpu', first?.kind === 'cpu'],
      ['it names the service', first?.target.service === 'otel-ai-chatbot'],
      ['it names the task definition', /taskDefinition/i.test(first?.target.resource ?? '')],
      ['it names the property cpu', first?.target.property === 'cpu'],
      [
        'its evidence holds the utilisation against the reservation',
        cited.some(({ numbers }) => numbers.some(({ unit, value }) => unit === 'percent' && value >= 80)),
      ],
      ['the patch raises cpu to 1024', after.get('cpu') === '1024'],
      ['the patch raises memory with it', after.get('memory') === '2048'],
    ]);
  },
  'llm-bound': (report) =>
    unmet([
      ['the infrastructure is not the cause', report.verdict === 'infrastructure-is-not-the-cause'],
      ['a dependency is named', report.causes[0]?.kind === 'dependency'],
      ['no patch is offered', report.patch === undefined],
    ]),
  healthy: (report) =>
    unmet([
      ['nothing is wrong', report.verdict === 'nothing-wrong'],
      ['no cause is named', report.causes.length === 0],
      ['no patch is offered', report.patch === undefined],
    ]),
};

function unmet(conditions: readonly (readonly [string, boolean])[]): readonly string[] {
  return conditions.filter(([, met]) => !met).map(([name]) => name);
}

/** What holds for every answer: it cites only evidence it shows, and stays in its budget. */
function general(report: Report): readonly string[] {
  const known = new Set(report.evidence.map(({ id }) => id));
  return unmet([
    ['at most four query results', report.requests <= 4],
    ['every cited id is shown', report.causes.every(({ evidence }) => evidence.every((id) => known.has(id)))],
    ['every cause cites evidence', report.causes.every(({ evidence }) => evidence.length > 0)],
  ]);
}

async function runScenario(scenario: string, expect: Expectation, signal: AbortSignal): Promise<StageResult> {
  const name = `scenario ${scenario}`;
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ['lab/start.ts', '--headless', '--json', '--scenario', scenario],
    { signal, timeout: 300_000 },
  );
  if (code !== 0) return failed(name, `exit ${code}\n${stderr.slice(-4000)}`);
  let report: Report;
  try {
    report = JSON.parse(stdout) as Report;
  } catch {
    return failed(name, `stdout is not one JSON object: ${stdout.slice(0, 500)}`);
  }
  const problems = [...expect(report), ...general(report)];
  console.log(`   ${scenario}: ${report.verdict} ${report.causes.map(({ kind }) => kind).join(', ')}`);
  return problems.length === 0
    ? passed(1)
    : failed(name, `not so: ${problems.join('; ')}\n${stdout.slice(0, 4000)}\n${stderr.slice(-1500)}`);
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
  for (const args of [['--scenario', 'nonsense', '--headless'], ['--json'], ['--what']]) {
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
    for (const [scenario, expect] of Object.entries(expectations)) {
      results.push(await runScenario(scenario, expect, signal));
    }
    results.push(await interrupted(signal));
    return total(results);
  },
};
