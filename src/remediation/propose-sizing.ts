import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import { sizingFor } from '../diagnosis/sizing-advice.ts';
import type { StackRef, StackSource } from '../infrastructure/model.ts';
import { Problem } from '../problem.ts';
import type { Proposal } from './proposal.ts';
import { sizingProposal } from './sizing-patch.ts';

/**
 * The patch that a diagnosis gives ground for, written against the program as it is now; null where no size would
 * help. A Problem where one would help and can't be written.
 */
export async function proposeSizing(
  diagnosis: Diagnosis,
  stacks: StackSource,
  origin: Proposal['origin'],
  now: number,
  signal?: AbortSignal,
): Promise<Proposal | null> {
  const advice = sizingFor(diagnosis);
  if (advice === null) return null;
  const stack = stackOf(advice.urn, await stacks.stacks(signal));
  const snapshot = await stacks.snapshot(stack, signal);
  return sizingProposal({ advice, diagnosis, snapshot, origin, now });
}

/** `urn:pulumi:STACK::PROJECT::TYPE::NAME` names its stack and project, which the workspace may hold once or not at all. */
function stackOf(urn: string, stacks: readonly StackRef[]): StackRef {
  const [head = '', project = ''] = urn.split('::');
  const name = head.replace(/^urn:pulumi:/, '');
  const found = stacks.filter((stack) => stack.project === project && stack.name === name);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Problem(
      'no-stack',
      `${found.length === 0 ? 'No stack' : 'More than one stack'} of this workspace is ${project}/${name}.`,
      'Open the folder of the one Pulumi project that declares the resource.',
    );
  }
  return only;
}
