import { z } from 'zod';
import { iso, line } from '../answer.ts';
import { page, readCursor } from '../page.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { chooseStack } from './stack-choice.ts';
import { cursorInput } from './window.ts';

/** Updates read for one stack. */
const UPDATES = 10;

export const listStacks = defineTool({
  name: 'list_stacks',
  title: 'List stacks',
  description: 'Pulumi stacks of the workspace; with stack given, that one and its latest updates.',
  input: z.strictObject({ stack: z.string().max(300).optional(), cursor: cursorInput }),
  output: z.object({
    stacks: z.array(z.looseObject({ fqn: z.string(), name: z.string(), project: z.string() })),
    updates: z.array(z.looseObject({ kind: z.string(), result: z.string(), start: z.string() })).optional(),
    total: z.number(),
    nextCursor: z.string().optional(),
    note: z.string().optional(),
    cut: z.array(z.string()).optional(),
  }),
  annotations: READ_ONLY,
  shortenable: ['updates'],
  async handler(input, { runtime, signal }) {
    const source = await runtime.stacks();
    if (input.stack !== undefined) {
      const stack = await chooseStack(runtime, input.stack, signal);
      const updates = await source.updates(stack, UPDATES, signal);
      return {
        stacks: [{ ...stack }],
        updates: updates.map((update) => ({
          kind: update.kind,
          result: update.result,
          start: iso(update.start),
          end: update.end === null ? null : iso(update.end),
          message: line(update.message, 200),
          changes: { ...update.changes },
        })),
        total: 1,
      };
    }
    const { items, total, nextCursor } = page(
      (await source.stacks(signal)).map((stack) => ({ ...stack })),
      readCursor(input.cursor, runtime.now()),
    );
    return {
      stacks: [...items],
      total,
      nextCursor,
      ...(total === 0 ? { note: 'No Pulumi.yaml with a stack in the workspace folders.' } : {}),
    };
  },
});
