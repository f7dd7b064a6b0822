import { z } from 'zod';
import type { StackRef } from '../../infrastructure/model.ts';
import { Problem } from '../../problem.ts';
import { line } from '../answer.ts';
import type { Runtime } from '../runtime.ts';

/** A stack by its full or short name. */
export const stackInput = z.string().max(300).optional().describe('fqn or name; needed if there are several');

/** The stack that a caller means: the one named, the configured one, or the only one. */
export async function chooseStack(
  runtime: Runtime,
  named: string | undefined,
  signal: AbortSignal,
): Promise<StackRef> {
  const stacks = await (await runtime.stacks()).stacks(signal);
  const wanted = named ?? runtime.defaultStack;
  const matching =
    wanted === undefined ? stacks : stacks.filter((stack) => stack.fqn === wanted || stack.name === wanted);
  const [only, ...others] = matching;
  if (only && others.length === 0) return only;
  const names = stacks
    .slice(0, 10)
    .map((stack) => line(stack.fqn, 120))
    .join(', ');
  if (stacks.length === 0) {
    throw new Problem(
      'no-stack',
      'No Pulumi stack was found in the workspace.',
      'Set PLUMBLINE_WORKSPACE to the folders with Pulumi.yaml, or log in to the backend that holds the stack.',
    );
  }
  throw only
    ? new Problem('bad-input', 'There are several stacks.', `Give stack as one of: ${names}.`)
    : new Problem('not-found', `No stack ${line(wanted ?? '', 120)}.`, `The stacks are: ${names}.`);
}
