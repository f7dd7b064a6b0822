/**
 * `npm start`: the lab, its diagnosis, and a VS Code on it.
 * With --headless it ends after the diagnosis; with --json stdout holds one JSON object and nothing else. Several
 * scenarios run one after the other in one lab, with one JSON object a line.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Problem, toProblem } from '../src/problem.ts';
import { diagnoseLab } from './diagnose.ts';
import { type Lab, startLab } from './lab.ts';
import { openEditor } from './open.ts';
import { jsonReport, styleFor, textReport } from './report.ts';
import { isScenario, type Scenario, scenarios } from './scenarios.ts';
import { readToolchain } from './setup/toolchain.mjs';

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  /** One or more. */
  readonly scenarios: readonly [Scenario, ...Scenario[]];
  /** Folder that gets a recording of each scenario. */
  readonly record: string | undefined;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

const USAGE = `Use: npm start -- [--headless [--json] [--record DIR]] [--scenario NAME]
NAME is one of ${Object.keys(scenarios).join(', ')};
with --headless also some of them, joined by commas, or "all".`;

function readArguments(args: readonly string[]): Arguments {
  const wrong = (message: string) => new Problem('bad-input', message, USAGE);
  const values = readOptions(args, wrong);
  const { headless = false, json = false, record, scenario = 'cpu-constrained' } = values;
  const names = scenario === 'all' ? Object.keys(scenarios) : scenario.split(',');
  const [first, ...others] = names.map((name) => {
    if (isScenario(name)) return name;
    throw wrong(`There is no scenario “${name}”.`);
  });
  if (first === undefined) throw wrong('No scenario is named.');
  if (!headless && (json || record !== undefined || others.length > 0)) {
    throw wrong('--json, --record and more than one scenario go with --headless.');
  }
  return { headless, json, record, scenarios: [first, ...others] };
}

function readOptions(args: readonly string[], wrong: (message: string) => Problem) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        headless: { type: 'boolean' },
        json: { type: 'boolean' },
        record: { type: 'string' },
        scenario: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
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

/** In a series the lab is warm already and every minute counts; measured to be enough for the right answers. */
const IN_SERIES = { baselineSeconds: 14, incidentSeconds: 18 };

async function run(args: Arguments, signal: AbortSignal): Promise<void> {
  const toolchain = await readToolchain(signal);
  const [first, ...others] = args.scenarios;
  const times = others.length === 0 ? {} : IN_SERIES;
  const lab = await startLab({ scenario: first, toolchain, log: say, signal, ...times });
  try {
    for (const scenario of args.scenarios) {
      if (scenario !== lab.scenario) {
        say(`\nNext: ${scenario}`);
        await lab.change(scenario);
      }
      await answer(lab, args, signal);
    }
    if (args.headless) return;
    await openEditor(lab, toolchain, say, signal);
  } finally {
    say('Cleaning up …');
    await lab.close();
  }
}

/** Waits for the telemetry of the lab's scenario and prints what the engine says to it. */
async function answer(lab: Lab, args: Arguments, signal: AbortSignal): Promise<void> {
  await lab.waitForTelemetry(progressLine());
  const now = Date.now();
  if (args.scenarios.length > 1) await lab.relieve(); // The next baseline settles while this one is looked at.
  const recordTo = args.record === undefined ? undefined : join(args.record, lab.scenario);
  const { diagnosis, narrative, proposal } = await diagnoseLab(lab, now, signal, recordTo);
  if (args.json) process.stdout.write(`${JSON.stringify(jsonReport(lab, diagnosis, proposal))}\n`);
  else process.stdout.write(`\n${textReport(diagnosis, narrative, proposal, styleFor(process.stdout))}\n`);
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
