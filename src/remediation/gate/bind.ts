import type { StackRef } from '../../infrastructure/model.ts';
import { Problem } from '../../problem.ts';
import { type CheckedFile, filesOf } from '../check.ts';
import { diffDigest } from '../diff.ts';
import type { Proposal } from '../proposal.ts';
import { type Bindings, hashFile, treeOf } from './digests.ts';
import type { GatePorts } from './ports.ts';

/** Everything that an approval is bound to, read anew. */
export async function bindingsNow(
  ports: GatePorts,
  proposal: Proposal,
  files: readonly CheckedFile[],
  planFile: string | null,
  signal: AbortSignal,
): Promise<Bindings> {
  const stack = await stackNow(ports, proposal.stack, signal);
  const [snapshot, cliVersion, tree] = [
    await ports.stacks.snapshot(stack, signal),
    await ports.updates.version(stack.projectDir, signal),
    await treeOf(stack.projectDir, signal),
  ];
  return {
    diffSha256: diffDigest(files),
    tree,
    stack: stack.fqn,
    backend: stack.backend,
    state: snapshot.digest,
    cliVersion,
    plan: planFile === null ? null : await hashFile(planFile).catch(() => 'missing'),
  };
}

/** The proposal's stack as this workspace has it: a proposal can't name one that is not there, or a folder elsewhere. */
export async function stackNow(ports: GatePorts, wanted: StackRef, signal?: AbortSignal): Promise<StackRef> {
  const stacks = await ports.stacks.stacks(signal);
  const found = stacks.find((one) => one.fqn === wanted.fqn && one.projectDir === wanted.projectDir);
  if (!found) {
    throw new Problem(
      'no-stack',
      `This workspace has no stack ${wanted.fqn} in ${wanted.projectDir}.`,
      'Open the folder of its project, or propose for a stack of this workspace.',
    );
  }
  if (found.backend !== wanted.backend) {
    throw new Problem(
      'stale',
      `${wanted.fqn} is now in the backend ${found.backend}; the proposal was made for ${wanted.backend}.`,
      'Diagnose again with the backend you want.',
    );
  }
  return found;
}

/** The files of a proposal, whose diff must be the approved one. */
export async function approvedFiles(proposal: Proposal, diffSha256: string): Promise<readonly CheckedFile[]> {
  const files = await filesOf(proposal.stack.projectDir, proposal.edits);
  if (diffDigest(files) !== diffSha256) {
    throw new Problem(
      'stale',
      'The files have changed: their diff is not the one that was shown.',
      'Review the diff again.',
    );
  }
  return files;
}
