/**
 * `npm start`: the lab, its diagnosis, and a VS Code on it.
 * With --headless it ends after the diagnosis; with --json stdout holds one JSON object and nothing else.
 */
import { parseArgs } from 'node:util';
import { Problem, toProblem } from '../src/problem.ts';
import { diagnoseLab } from './diagnose.ts';
import { startLab } from './lab.ts';
import { openEditor } from './open.ts';
import { jsonReport, styleFor, textReport } from './report.ts';
import { isScenario, type Scenario, scenarios } from './scenarios.ts';
import { readToolchain } from './setup/toolchain.mjs';

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  readonly scenario: Scenario;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

function readArguments(args: readonly string[]): Arguments {
  const usage = `Use: npm start -- [--headless [--json]] [--scenario ${Object.keys(scenarios).join('|')}]`;
  let values: { headless?: boolean; json?: boolean; scenario?: string };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { headless: { type: 'boolean' }, json: { type: 'boolean' }, scenario: { type: 'string' } },
    }));
  } catch (error) {
    throw new Problem('bad-input', error instanceof Error ? error.message : String(error), usage);
  }
  const scenario = values.scenario ?? 'cpu-constrained';
  if (!isScenario(scenario)) throw new Problem('bad-input', `There is no scenario “${scenario}”.`, usage);
  if (values.json && !values.headless) throw new Problem('bad-input', '--json goes with --headless.', usage);
  return { headless: values.headless ?? false, json: values.json ?? false, scenario };
}

/** A line that is rewritten on a terminal, and a line now and then elsewhere. */
function progressLine(): (text: string, fraction: number) => void {
  let last = 0;
  return (text, fraction) => {
    const line = `  ${text} ${Math.round(fraction * 100)} %`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}${fraction >= 1 ? '\n' : ''}`);
    else if (Date.now() - last > 10_000 || fraction >= 1) {
      last = Date.now();
      say(line);
    }
  };
}

async function run(args: Arguments, signal: AbortSignal): Promise<void> {
  const toolchain = await readToolchain(signal);
  const lab = await startLab({ scenario: args.scenario, toolchain, log: say, signal });
  try {
    await lab.waitForTelemetry(progressLine());
    const { diagnosis, narrative, proposal } = await diagnoseLab(lab, signal);
    if (args.json)
      process.stdout.write(`${JSON.stringify(jsonReport(args.scenario, diagnosis, proposal))}\n`);
    else process.stdout.write(`\n${textReport(diagnosis, narrative, proposal, styleFor(process.stdout))}\n`);
    if (args.headless) return;
    await openEditor(lab, toolchain, say, signal);
  } finally {
    say('Cleaning up …');
    await lab.close();
  }
}

const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => abort.abort());

try {
  await run(readArguments(process.argv.slice(2)), abort.signal);
} catch (thrown) {
  const problem = toProblem(thrown);
  if (abort.signal.aborted) process.exitCode = 130;
  else {
    say(`\n${problem.message}\n${problem.nextStep}`);
    if (problem.code === 'internal' && thrown instanceof Error) say(thrown.stack ?? '');
    process.exitCode = problem.code === 'bad-input' ? 2 : 1;
  }
}
