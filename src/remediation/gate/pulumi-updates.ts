import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { StackRef } from '../../infrastructure/model.ts';
import { PulumiCli, type PulumiSettings } from '../../infrastructure/pulumi/cli.ts';
import { backendEnvironment } from '../../infrastructure/pulumi/reader.ts';
import { type Problem, toProblem } from '../../problem.ts';

/** The commands that execute a program or change a stack. Only the gate holds an instance that may run them. */
const GATE_COMMANDS = ['version', 'preview --json', 'up --yes'];

/** In-flight operations of a cloud take long to end well; a kill in the middle leaves the stack locked. */
const UPDATE_GRACE_MS = 60_000;
const PREVIEW_GRACE_MS = 10_000;
const POLL_MS = 500;

export interface PreviewRequest {
  readonly stack: StackRef;
  /** The folder of the copy in which the program runs. */
  readonly cwd: string;
  /** Where the plan is to be saved; null for none. */
  readonly planFile: string | null;
  readonly signal: AbortSignal;
}

export interface UpdateRequest {
  readonly stack: StackRef;
  readonly planFile: string | null;
  /** A private folder for the event log and the output. */
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Where it throws, the update is interrupted at once and what it threw is the outcome's problem. */
  readonly onStart: (pid: number) => void;
  /** Name and operation of a resource, as the engine begins and ends with it. */
  readonly onResource: (event: ResourceEvent) => void;
}

export interface ResourceEvent {
  readonly urn: string;
  readonly operation: string;
  readonly phase: 'started' | 'done' | 'failed';
}

/** How an update ended. `started` is the engine's word: before it, nothing but a preview ran. */
export interface UpdateOutcome {
  readonly problem: Problem | null;
  readonly started: boolean;
  readonly events: readonly ResourceEvent[];
}

/** What the gate needs of the CLI; tests put something else here. */
export interface UpdateRunner {
  version(cwd: string, signal?: AbortSignal): Promise<string>;
  /** What `preview --json` printed. Throws a Problem where the preview fails. */
  preview(request: PreviewRequest): Promise<string>;
  /** Never throws for an update that failed: the outcome says how far it came. */
  update(request: UpdateRequest): Promise<UpdateOutcome>;
  /** Takes secrets of the environment out of a text. */
  redact(text: string): string;
}

export class PulumiUpdates implements UpdateRunner {
  readonly #cli: PulumiCli;

  constructor(settings: PulumiSettings) {
    this.#cli = new PulumiCli(settings, GATE_COMMANDS);
  }

  redact(text: string): string {
    return this.#cli.redact(text);
  }

  async version(cwd: string, signal?: AbortSignal): Promise<string> {
    const { stdout } = await this.#cli.run(['version'], { cwd, signal });
    return stdout.trim().replace(/^v/, '');
  }

  async preview({ stack, cwd, planFile, signal }: PreviewRequest): Promise<string> {
    const { stdout } = await this.#cli.run(
      ['preview', '--json', ...(planFile === null ? [] : [`--save-plan=${planFile}`])],
      { cwd, stack: stack.fqn, signal, graceMs: PREVIEW_GRACE_MS, env: backendEnvironment(stack) },
    );
    return stdout;
  }

  async update(request: UpdateRequest): Promise<UpdateOutcome> {
    const { stack, planFile, dir, signal } = request;
    const eventLog = join(dir, 'events.ndjson');
    let told = 0;
    const tell = async () => {
      const { events } = await readEvents(eventLog);
      const fresh = events.slice(told);
      told = Math.max(told, events.length);
      try {
        for (const event of fresh) request.onResource(event);
      } catch {
        // Who only looks on can't end an update; the events are in the outcome all the same.
      }
    };
    const poll = setInterval(() => void tell(), POLL_MS);
    let problem: Problem | null = null;
    const refused = new AbortController();
    let refusal: Problem | null = null;
    try {
      await this.#cli.run(
        ['up', '--yes', '--event-log', eventLog, ...(planFile === null ? [] : ['--plan', planFile])],
        {
          cwd: stack.projectDir,
          stack: stack.fqn,
          signal: AbortSignal.any([signal, refused.signal]),
          graceMs: UPDATE_GRACE_MS,
          // `--event-log` is a flag that only this variable brings out. The log holds debug texts, and so secrets:
          // it stays in the private folder and is read for URNs and operations alone.
          env: { ...backendEnvironment(stack), PULUMI_DEBUG_COMMANDS: 'true' },
          outputFiles: { stdout: join(dir, 'stdout.txt'), stderr: join(dir, 'stderr.txt') },
          // It is called from an event of the process, where a throw would reach nobody and the update would go on.
          onStart: (pid) => {
            try {
              request.onStart(pid);
            } catch (thrown) {
              refusal = toProblem(thrown);
              refused.abort();
            }
          },
        },
      );
    } catch (thrown) {
      problem = toProblem(thrown);
    } finally {
      clearInterval(poll);
    }
    await tell();
    const { started, events } = await readEvents(eventLog);
    return { problem: refusal ?? problem, started, events };
  }
}

const Metadata = z.looseObject({ urn: z.string(), op: z.string() });
const Event = z.looseObject({
  preludeEvent: z.unknown().optional(),
  resourcePreEvent: z.looseObject({ metadata: Metadata }).optional(),
  resOutputsEvent: z.looseObject({ metadata: Metadata }).optional(),
  resOpFailedEvent: z.looseObject({ metadata: Metadata }).optional(),
});

/** The engine's log of an update, as far as it is written; a line that is not whole yet is left out. */
async function readEvents(file: string): Promise<{ started: boolean; events: ResourceEvent[] }> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const events: ResourceEvent[] = [];
  let started = false;
  for (const line of text.split('\n')) {
    if (!/"(preludeEvent|resourcePreEvent|resOutputsEvent|resOpFailedEvent)"/.test(line)) continue;
    const parsed = Event.safeParse(parseLine(line));
    if (!parsed.success) continue;
    const { preludeEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent } = parsed.data;
    if (preludeEvent !== undefined) started = true;
    const found =
      (resourcePreEvent && { ...resourcePreEvent.metadata, phase: 'started' as const }) ??
      (resOutputsEvent && { ...resOutputsEvent.metadata, phase: 'done' as const }) ??
      (resOpFailedEvent && { ...resOpFailedEvent.metadata, phase: 'failed' as const });
    if (found && found.op !== 'same')
      events.push({ urn: found.urn, operation: found.op, phase: found.phase });
  }
  return { started, events };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
