import { Problem } from '../src/problem.ts';
import { type Finished, lastWords, runToEnd } from './processes.ts';
import { STACK } from './workspace.ts';

/** The lab's stack, driven by the real Pulumi CLI in the workspace. */
export interface StackTools {
  readonly pulumi: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Makes the stack; its secrets are encrypted with the empty passphrase of the run. */
export async function initStack(tools: StackTools): Promise<void> {
  await pulumi(tools, ['stack', 'init', STACK, '--no-select'], 'make the stack');
}

/** Sets plain and secret values in one call. */
export async function configureStack(
  tools: StackTools,
  plain: Readonly<Record<string, string>>,
  secret: Readonly<Record<string, string>>,
): Promise<void> {
  const pairs = (option: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([key, value]) => [option, `${key}=${value}`]);
  await pulumi(
    tools,
    ['config', 'set-all', '--stack', STACK, ...pairs('--plaintext', plain), ...pairs('--secret', secret)],
    'set the stack’s configuration',
  );
}

/** Brings the stack to what program and configuration say; `message` stands in its history. */
export async function deploy(tools: StackTools, message: string): Promise<void> {
  const args = ['up', '--yes', '--skip-preview', '--stack', STACK, '--message', message];
  await pulumi(tools, args, 'bring the stack up');
}

/** The stack's outputs; secret ones stay hidden. */
export async function readOutputs(tools: StackTools): Promise<Record<string, unknown>> {
  const { stdout } = await pulumi(
    tools,
    ['stack', 'output', '--json', '--stack', STACK],
    'read the stack’s outputs',
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function pulumi(tools: StackTools, args: readonly string[], what: string): Promise<Finished> {
  const done = await runToEnd(
    {
      name: 'Pulumi',
      file: tools.pulumi,
      args: [...args, '--non-interactive'],
      env: tools.env,
      cwd: tools.workspace,
    },
    tools.signal,
  );
  if (done.code === 0) return done;
  // `up` tells what went wrong on stdout, most others on stderr.
  const said = lastWords(`${errorLines(done.stdout)}\n${done.stderr}`);
  throw new Problem(
    'program-error',
    `Pulumi could not ${what} (exit ${done.code}): ${said}`,
    'See lab/program and lab/provider; `npm start` tries again from a clean stack.',
  );
}

function errorLines(output: string): string {
  const lines = output.split('\n');
  const from = lines.findIndex((line) => line.startsWith('Diagnostics:'));
  return lines.slice(Math.max(0, from)).join('\n');
}
