import type { z } from 'zod';
import type { Progress, Runtime } from './runtime.ts';

/** What a handler gets beside its input. */
export interface ToolContext {
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Name of the client as it introduced itself; untrusted. */
  readonly client: string;
}

/** Hints of the protocol (2025-11-25, ToolAnnotations). */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint: false;
}

export const READ_ONLY: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };

export interface Tool<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** `[a-z_]`; clients show it to models as `mcp_plumbline_<name>`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  /**
   * Lists of the answer that may be shortened to keep it within its size, the first first;
   * the answer's `cut` then says what is missing. A list with a page cursor is cut by the handler itself.
   */
  readonly shortenable?: readonly (keyof z.output<Output> & string)[];
  /** Throws a Problem for what the caller can act on. */
  handler(input: z.output<Input>, context: ToolContext): Promise<z.input<Output>>;
}

/** Keeps the types of input and output tied to the handler's. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Tool<Input, Output>,
): Tool<Input, Output> {
  return tool;
}
