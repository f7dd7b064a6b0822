import { z } from 'zod';
import { Problem } from '../../problem.ts';
import { plainText } from './redact.ts';

export interface FailedRun {
  /** First words of the command, such as `['stack', 'export']`. */
  readonly command: readonly string[];
  readonly stack: string | undefined;
  readonly exitCode: number | null;
  readonly cancelled: boolean;
  /** Both without secrets. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit codes of the CLI since 3.226. */
const EXIT = { config: 2, auth: 3, stackNotFound: 6, cancelled: 8 } as const;

/** What a run that did not end well means, by its exit code and the marks in its output. */
export function problemOfRun(run: FailedRun): Problem {
  const text = plainText(`${run.stderr}\n${diagnosticsOf(run.stdout)}`, 64_000);
  const name = `pulumi ${run.command.join(' ')}`;
  const stack = run.stack ?? 'the stack';
  const said = wordsOf(text);

  if (run.cancelled || run.exitCode === EXIT.cancelled) {
    return new Problem('cancelled', `\`${name}\` was cancelled.`, 'Start it again when you want to.');
  }
  if (/the stack is currently locked by|Another update is currently in progress/i.test(text)) {
    const holder = /created by (\S+ \(pid \d+\)(?: at \S+)?)/.exec(text)?.[1];
    return new Problem(
      'stack-locked',
      `${stack} is locked${holder ? ` by ${holder}` : ' by another update'}.`,
      `Wait for that update. If it is no longer running, run \`pulumi cancel --stack ${stack}\` in the project's folder, then try again.`,
    );
  }
  if (run.exitCode === EXIT.stackNotFound || /no stack named .* found/.test(text)) {
    return new Problem(
      'no-stack',
      `The backend has no stack ${stack}.`,
      'Check the backend you are logged in to (`pulumi whoami -v`) and the stack list (`pulumi stack ls`).',
    );
  }
  if (/no Pulumi\.yaml project file found/.test(text)) {
    return new Problem(
      'not-found',
      'There is no Pulumi project (Pulumi.yaml) here.',
      'Open the folder that holds your Pulumi program.',
    );
  }
  if (/violates plan/.test(text)) {
    return new Problem(
      'stale',
      `The update would do something else than the preview showed: ${said}`,
      'Preview again and look at the new result.',
    );
  }
  if (/passphrase must be set|incorrect passphrase/.test(text)) {
    return new Problem(
      'unauthorized',
      `The secrets of ${stack} can't be read: ${said}`,
      'Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE for VS Code and reload the window.',
    );
  }
  if (
    run.exitCode === EXIT.auth ||
    /PULUMI_ACCESS_TOKEN must be set|invalid access token|not logged in|\b401\b.*Unauthorized/i.test(text)
  ) {
    return new Problem(
      'unauthorized',
      `The Pulumi backend refused the login: ${said}`,
      'Run `pulumi login` in a terminal, or set PULUMI_ACCESS_TOKEN for VS Code.',
    );
  }
  if (run.exitCode === EXIT.config || /Missing required configuration variable/.test(text)) {
    return new Problem(
      'bad-input',
      `The configuration of ${stack} does not fit: ${said}`,
      `Mend Pulumi.yaml or the stack's configuration file.`,
    );
  }
  if (programFailed(text)) {
    return new Problem(
      'program-error',
      `The Pulumi program fails: ${compilerWords(text) ?? said}`,
      'Mend the program (or reject the proposal) and try again.',
    );
  }
  return new Problem(
    'internal',
    `\`${name}\` failed (exit code ${run.exitCode ?? 'none: it was killed'}): ${said}`,
    'Try the same command in a terminal to see all it says.',
  );
}

/** With `--json` the errors are diagnostics in the answer; the steps beside them hold words of resources, which mean nothing here. */
function diagnosticsOf(stdout: string): string {
  if (!stdout.trimStart().startsWith('{')) return stdout.slice(-64_000);
  try {
    const answer: unknown = JSON.parse(stdout);
    const parsed = FailedJson.safeParse(answer);
    return parsed.success ? parsed.data.diagnostics.map((one) => one.message).join('\n') : '';
  } catch {
    return stdout.slice(-64_000);
  }
}

const FailedJson = z.object({ diagnostics: z.array(z.object({ message: z.string() })).default([]) });

function programFailed(text: string): boolean {
  return /Unable to compile TypeScript|Running program .* failed|TSError|SyntaxError|ReferenceError|TypeError|Cannot find module|an unhandled error occurred: Program (?:exited|failed)|Program run without|unhandled (?:exception|error)/i.test(
    text,
  );
}

/** The lines of a compiler: `index.ts(4,7): error TS2322: …` or `index.ts:4:7 - error TS2322: …`. */
function compilerWords(text: string): string | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /error TS\d+:|SyntaxError|ReferenceError|TypeError|Cannot find module/.test(line));
  const distinct = [...new Set(lines)].slice(0, 5);
  return distinct.length > 0 ? plainText(distinct.join(' · '), 1500) : undefined;
}

/** The last errors of an output, without the frame around them. */
function wordsOf(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const errors = lines.filter((line) => /^error:|\berror\b/i.test(line));
  const chosen = (errors.length > 0 ? errors : lines).slice(-4).map((line) => line.replace(/^error:\s*/, ''));
  return plainText([...new Set(chosen)].join(' · '), 1200) || 'it gave no reason';
}
