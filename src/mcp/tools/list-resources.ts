import { z } from 'zod';
import type { StackResource } from '../../infrastructure/model.ts';
import { line } from '../answer.ts';
import { page, readCursor } from '../page.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { chooseStack, stackInput } from './stack-choice.ts';
import { cursorInput } from './window.ts';

export const listResources = defineTool({
  name: 'list_resources',
  title: 'List resources',
  description: 'Resources in a stack’s state and where the program declares them. get_resource reads one.',
  input: z.strictObject({
    stack: stackInput,
    type: z.string().max(200).optional().describe('Part of the type, e.g. ecs'),
    name: z.string().max(200).optional().describe('Part of the name'),
    cursor: cursorInput,
  }),
  output: z.object({
    stack: z.string(),
    resources: z.array(
      z.looseObject({
        urn: z.string(),
        type: z.string(),
        name: z.string(),
        source: z.string().optional().describe('file:line'),
      }),
    ),
    total: z.number(),
    pendingOperations: z.number(),
    nextCursor: z.string().optional(),
  }),
  annotations: READ_ONLY,
  async handler(input, { runtime, signal }) {
    const source = await runtime.stacks();
    const stack = await chooseStack(runtime, input.stack, signal);
    const snapshot = await source.snapshot(stack, signal);
    const wanted = snapshot.resources.filter(
      (resource) => contains(resource.type, input.type) && contains(resource.name, input.name),
    );
    const { items, total, nextCursor } = page(wanted.map(listed), readCursor(input.cursor, runtime.now()));
    return {
      stack: stack.fqn,
      resources: [...items],
      total,
      pendingOperations: snapshot.pendingOperations.length,
      nextCursor,
    };
  },
});

function contains(text: string, part: string | undefined): boolean {
  return part === undefined || text.toLowerCase().includes(part.toLowerCase());
}

function listed(resource: StackResource) {
  return {
    urn: line(resource.urn, 600),
    type: line(resource.type, 150),
    name: line(resource.name, 150),
    ...(resource.id === undefined ? {} : { id: line(resource.id, 150) }),
    ...(resource.protect ? { protect: true } : {}),
    ...(resource.source ? { source: sourceInWords(resource.source) } : {}),
  };
}

export function sourceInWords({ file, line: row }: NonNullable<StackResource['source']>): string {
  return `${line(file, 300)}:${row}`;
}
