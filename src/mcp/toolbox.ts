import type { ZodError } from 'zod';
import { Problem, toProblem } from '../problem.ts';
import { ANSWER_CHARACTERS, cleanse, line, shorten, sizeOf } from './answer.ts';
import type { Tool, ToolContext } from './tool.ts';
import { inputSchema, outputSchema, type ToolSchema } from './tool-schema.ts';
import { diagnose } from './tools/diagnose.ts';
import { getEvidence } from './tools/get-evidence.ts';
import { getProposal } from './tools/get-proposal.ts';
import { getResource } from './tools/get-resource.ts';
import { listResources } from './tools/list-resources.ts';
import { listServices } from './tools/list-services.ts';
import { listStacks } from './tools/list-stacks.ts';
import { proposePatch } from './tools/propose-patch.ts';
import { queryLatency } from './tools/query-latency.ts';
import { readProgram } from './tools/read-program.ts';

const TOOLS: readonly Tool[] = [
  listServices,
  queryLatency,
  diagnose,
  getEvidence,
  listStacks,
  listResources,
  getResource,
  readProgram,
  proposePatch,
  getProposal,
].map((tool) => tool as unknown as Tool);

/** A tool as `tools/list` gives it. */
export interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ToolSchema;
  readonly outputSchema: ToolSchema;
  readonly annotations: Tool['annotations'];
}

export interface ToolResult {
  readonly content: { readonly type: 'text'; readonly text: string }[];
  readonly structuredContent?: Record<string, unknown>;
  readonly isError?: true;
}

export function definitions(): ToolDefinition[] {
  return TOOLS.map((tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: inputSchema(tool.input),
    outputSchema: outputSchema(tool.output),
    annotations: tool.annotations,
  }));
}

/** Runs a tool; undefined when there is none of that name. What goes wrong becomes an answer with `isError`. */
export async function call(
  name: string,
  input: unknown,
  context: ToolContext,
): Promise<ToolResult | undefined> {
  const tool = TOOLS.find((candidate) => candidate.name === name);
  if (!tool) return undefined;
  try {
    const parsed = tool.input.safeParse(input ?? {});
    if (!parsed.success) throw badInput(tool, parsed.error);
    return answer(tool, await tool.handler(parsed.data, context), context.runtime.redact);
  } catch (thrown) {
    return failure(
      toProblem(thrown, 'Try again; if it stays, look at the server’s standard error.'),
      context.runtime.redact,
    );
  }
}

function answer(tool: Tool, given: Record<string, unknown>, redact: (text: string) => string): ToolResult {
  const clean = cleanse(given, redact) as Record<string, unknown>;
  const checked = tool.output.safeParse(shorten(clean, tool.shortenable ?? []));
  if (!checked.success || sizeOf(checked.data) > ANSWER_CHARACTERS) {
    throw new Problem(
      'internal',
      checked.success
        ? `The answer of ${tool.name} would be longer than ${ANSWER_CHARACTERS} characters.`
        : `The answer of ${tool.name} is not of the shape it declares (${issuesOf(checked.error)}).`,
      'Ask for less: a shorter window, one service, or a filter.',
    );
  }
  return {
    structuredContent: checked.data,
    content: [{ type: 'text', text: JSON.stringify(checked.data) }],
  };
}

/** The answer to a failed call: only text, because structured content would have to be of the output's shape. */
function failure(problem: Problem, redact: (text: string) => string): ToolResult {
  const { code } = problem;
  const message = line(redact(problem.message), 1_000);
  const nextStep = line(redact(problem.nextStep), 1_000);
  return { isError: true, content: [{ type: 'text', text: JSON.stringify({ code, message, nextStep }) }] };
}

function badInput(tool: Tool, error: ZodError): Problem {
  return new Problem(
    'bad-input',
    `The input of ${tool.name} is not as it should be: ${issuesOf(error)}.`,
    `Call ${tool.name} again with what its inputSchema describes.`,
  );
}

function issuesOf(error: ZodError): string {
  const issues = error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  return issues.join('; ');
}
