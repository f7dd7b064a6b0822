import { Problem } from '../../problem.ts';
import { problemOfRun } from './cli-problems.ts';
import { type GroupResult, runInGroup } from './process-group.ts';
import { redactor } from './redact.ts';

/** Where the CLI is and with which environment it runs. The environment is handed in: nothing here reads `process.env`. */
export interface PulumiSettings {
  /** Path or name of the executable; default `pulumi`, looked up on PATH. */
  readonly command?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface CliOptions {
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the graceful cancel to the kill. Default 5 s: enough for what only reads. */
  readonly graceMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly onStart?: (pid: number) => void;
  readonly outputFiles?: { readonly stdout: string; readonly stderr: string };
  /** Named in messages: `--stack` of the command, where it has one. */
  readonly stack?: string;
}

export interface CliAnswer {
  readonly stdout: string;
  readonly stderr: string;
}

/** Agents that run a CLI announce themselves by these; with one set and no login, Pulumi registers an account by itself. */
const AGENT_VARIABLES = /^(CLAUDECODE|CLAUDE_CODE.*|CURSOR_.*|AI_AGENT|GEMINI_CLI.*|CODEX_.*|COPILOT_.*)$/;

const STDOUT_CAP = 256 * 1024 * 1024;

/** The environment that the CLI gets: the given one without the agents' variables, quiet and without colour. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !AGENT_VARIABLES.test(name)) kept[name] = value;
  }
  kept['PULUMI_SKIP_UPDATE_CHECK'] = 'true';
  kept['NO_COLOR'] = '1';
  return kept;
}

/**
 * The one way to run the Pulumi CLI. An instance runs only the commands that it was made for
 * (the first words of the arguments, such as `stack export`), so that whoever holds a reading one can't change anything.
 */
export class PulumiCli {
  readonly #command: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #allowed: readonly string[];
  readonly redact: (text: string) => string;

  constructor(settings: PulumiSettings, allowed: readonly string[]) {
    this.#command = settings.command ?? 'pulumi';
    this.#env = childEnvironment(settings.env);
    this.#allowed = allowed;
    this.redact = redactor(this.#env);
  }

  /** Runs one command; throws a Problem for everything but exit code 0. Output is untrusted text. */
  async run(args: readonly string[], options: CliOptions): Promise<CliAnswer> {
    const words = args.join(' ');
    if (!this.#allowed.some((command) => words === command || words.startsWith(`${command} `))) {
      throw new Problem(
        'refused',
        `This part of Plumbline does not run \`pulumi ${args[0] ?? ''}\`.`,
        'Changes go through the review of a proposal.',
      );
    }
    const stackArgs = options.stack === undefined ? [] : ['--stack', options.stack];
    let result: GroupResult;
    try {
      result = await runInGroup({
        command: this.#command,
        args: [...args, ...stackArgs, '--non-interactive'],
        cwd: options.cwd,
        env: { ...this.#env, ...options.env },
        graceMs: options.graceMs ?? 5_000,
        stdoutCap: STDOUT_CAP,
        ...(options.signal && { signal: options.signal }),
        ...(options.onLine && { onLine: options.onLine }),
        ...(options.onStart && { onStart: options.onStart }),
        ...(options.outputFiles && { outputFiles: options.outputFiles }),
      });
    } catch (thrown) {
      throw this.#cannotStart(thrown, options.cwd);
    }
    if (result.cancelled || result.exitCode !== 0) {
      throw problemOfRun({
        command: args.slice(0, 2).filter((word) => !word.startsWith('-')),
        stack: options.stack,
        exitCode: result.exitCode,
        cancelled: result.cancelled,
        stdout: this.redact(result.stdout),
        stderr: this.redact(result.stderr),
      });
    }
    if (result.truncated) {
      throw new Problem(
        'unsupported',
        `\`pulumi ${args[0] ?? ''}\` answered with more than 256 MiB.`,
        'Split the stack, or look at it with the Pulumi CLI.',
      );
    }
    return { stdout: result.stdout, stderr: this.redact(result.stderr) };
  }

  #cannotStart(thrown: unknown, cwd: string): Problem {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    if (code === 'ENOENT' || code === 'EACCES') {
      return new Problem(
        'pulumi-missing',
        `The Pulumi CLI can't be started: ${this.#command} is not there, or not executable (working folder ${cwd}).`,
        'Install Pulumi (https://www.pulumi.com/docs/install) or set its path in the setting plumbline.pulumi.path.',
        { cause: thrown },
      );
    }
    return new Problem(
      'internal',
      `The Pulumi CLI can't be started (${code || 'unknown error'}).`,
      'Check that `pulumi version` works in a terminal.',
      { cause: thrown },
    );
  }
}
