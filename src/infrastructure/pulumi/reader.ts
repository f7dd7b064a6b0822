import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { StackRef } from '../model.ts';
import { PulumiCli, type PulumiSettings } from './cli.ts';
import { parseJson } from './state.ts';

/** The commands that read, and nothing more: what a process may run that models talk to. None of them executes a program. */
const READ_COMMANDS = ['version', 'whoami --json', 'stack ls --json', 'stack export', 'stack history --json'];

const WhoAmI = z.looseObject({ url: z.string(), user: z.string().default('') });
const StackList = z.array(z.looseObject({ name: z.string() }));

/** Reads of the Pulumi CLI. Answers are untrusted text; secrets stay encrypted (`--show-secrets` is never given). */
export class PulumiReader {
  readonly #cli: PulumiCli;

  constructor(settings: PulumiSettings) {
    this.#cli = new PulumiCli(settings, READ_COMMANDS);
  }

  /** Such as `3.259.0`. */
  async version(cwd: string, signal?: AbortSignal): Promise<string> {
    const { stdout } = await this.#cli.run(['version'], { cwd, signal });
    return stdout.trim().replace(/^v/, '');
  }

  /** URL of the backend, without credentials, and who is logged in there. */
  async backend(cwd: string, signal?: AbortSignal): Promise<{ url: string; user: string }> {
    const { stdout } = await this.#cli.run(['whoami', '--json'], { cwd, signal });
    const parsed = WhoAmI.safeParse(parseJson(stdout, 'pulumi whoami --json'));
    if (!parsed.success) {
      throw new Problem(
        'unsupported',
        'The Pulumi CLI does not say which backend it uses.',
        'Check that it is 3.240 or newer (`pulumi version`).',
      );
    }
    return { url: this.#cli.redact(parsed.data.url), user: parsed.data.user };
  }

  /** Names of the stacks of the project in `cwd`, as the backend gives them (short, or with organisation and project). */
  async stackNames(cwd: string, signal?: AbortSignal): Promise<readonly string[]> {
    const { stdout } = await this.#cli.run(['stack', 'ls', '--json'], { cwd, signal });
    const parsed = StackList.safeParse(parseJson(stdout, 'pulumi stack ls --json'));
    if (!parsed.success) {
      throw new Problem(
        'unsupported',
        'The Pulumi CLI lists its stacks in a shape that Plumbline does not know.',
        'Check that it is 3.240 or newer (`pulumi version`).',
      );
    }
    return parsed.data.map((stack) => stack.name);
  }

  /** The deployment as JSON text, secrets encrypted. */
  async export(stack: StackRef, signal?: AbortSignal): Promise<string> {
    const { stdout } = await this.#cli.run(['stack', 'export'], on(stack, signal));
    return stdout;
  }

  /** The history as JSON text, newest first. */
  async history(stack: StackRef, limit: number, signal?: AbortSignal): Promise<string> {
    const { stdout } = await this.#cli.run(
      ['stack', 'history', '--json', '--page-size', String(limit), '--page', '1'],
      on(stack, signal),
    );
    return stdout;
  }
}

function on(stack: StackRef, signal: AbortSignal | undefined) {
  return { cwd: stack.projectDir, stack: stack.fqn, signal, env: backendEnvironment(stack) };
}

/**
 * The backend is always named, so that a stack is read and changed where it was found. Where credentials were taken out
 * of the URL, the CLI's own login has them.
 */
export function backendEnvironment(stack: StackRef): Record<string, string> {
  return stack.backend === '' || stack.backend.includes('[secret]')
    ? {}
    : { PULUMI_BACKEND_URL: stack.backend };
}
