import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { sha256 } from '../../content-hash.ts';
import { Problem, toProblem } from '../../problem.ts';
import type { CheckedFile } from '../check.ts';
import { approvedFiles, bindingsNow } from './bind.ts';
import type { Case, Previewed, Rollout } from './case.ts';
import { mismatches, stale } from './digests.ts';
import type { GatePorts, Progress } from './ports.ts';
import { previewInCopy } from './preview.ts';
import { backUp, restoreFiles, writeFiles } from './project-writes.ts';
import type { ResourceEvent, UpdateOutcome } from './pulumi-updates.ts';
import { rolloutTarget } from './rollout.ts';
import { thisProcess } from './window-process.ts';

export interface ApplyRun {
  readonly ports: GatePorts;
  readonly one: Case;
  readonly previewed: Previewed;
  readonly diffSha256: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Throws a `stale` Problem where anything that the approval is bound to has moved; nothing has been touched then. */
export async function checkBindings(run: ApplyRun): Promise<readonly CheckedFile[]> {
  const { ports, one, previewed, signal } = run;
  run.progress('Checking that nothing has moved since the preview', null);
  const files = await approvedFiles(one.proposal, run.diffSha256);
  const now = await bindingsNow(ports, one.proposal, files, previewed.planFile, signal);
  const moved = mismatches(previewed.bindings, now);
  if (moved.length > 0) throw stale(moved);
  if (previewed.planFile === null) {
    run.progress('Previewing once more, since no plan binds the update', null);
    const { parsed } = await previewInCopy(ports, one.proposal.stack, files, null, signal);
    if (parsed.digest !== previewed.stepsDigest)
      throw stale(['A new preview shows other steps than the one that was confirmed.']);
  }
  return files;
}

/**
 * Writes the files and runs the update. Where it fails, the files are put back if the update touched nothing, and stay
 * if it did: the Problem says which. The only caller of `update`.
 */
export async function writeAndUpdate(run: ApplyRun, files: readonly CheckedFile[]): Promise<void> {
  const { ports, one } = run;
  const { proposal } = one;
  const journal = (entry: Parameters<typeof ports.journal.append>[0]) =>
    ports.journal.append(entry, ports.clock.now());
  one.rollout = await rolloutBefore(run);

  run.progress('Writing the files', null);
  const backupDir = join(ports.journal.dir, 'backups', `${proposal.id}-${randomUUID().slice(0, 8)}`);
  const written = await backUp(files, backupDir);
  journal({
    proposal: proposal.id,
    event: 'applying',
    stack: proposal.stack.fqn,
    projectDir: proposal.stack.projectDir,
    files: files.map(({ file, before, after }) => ({ file, before: sha256(before), after: sha256(after) })),
    backupDir,
    window: thisProcess(),
  });
  await writeFiles(written);
  one.written = written;

  let outcome: UpdateOutcome;
  try {
    journal({ proposal: proposal.id, event: 'files-written' });
    run.progress('Running pulumi up', null);
    one.updateStartedAt = ports.clock.now();
    outcome = await ports.updates.update({
      stack: proposal.stack,
      planFile: run.previewed.planFile,
      dir: run.previewed.dir,
      signal: run.signal,
      onStart: (pid) => journal({ proposal: proposal.id, event: 'update-started', pid }),
      onResource: (event) => run.progress(resourceWords(event), null),
    });
  } catch (thrown) {
    outcome = { problem: toProblem(thrown), started: false, events: [] };
  }
  if (outcome.problem) throw await afterFailure(run, outcome, outcome.problem);
}

async function rolloutBefore({ ports, one, previewed, signal }: ApplyRun): Promise<Rollout | null> {
  const changed = new Set(previewed.result.steps.map((step) => step.urn));
  const target = rolloutTarget(await ports.stacks.snapshot(one.proposal.stack, signal), changed);
  const source = target && (await ports.rollouts());
  if (!target || !source) return null;
  const deployments = await source.deployments(target, signal);
  return { target, known: new Set(deployments.map((deployment) => deployment.id)) };
}

function resourceWords({ urn, operation, phase }: ResourceEvent): string {
  const name = urn.split('::').slice(3).join('::').slice(0, 80);
  return phase === 'failed'
    ? `${operation} of ${name} failed`
    : `pulumi up: ${operation} ${name}${phase === 'done' ? ', done' : ''}`;
}

/** Says where a failed update leaves things, and puts the files back where it left everything as it was. */
async function afterFailure(run: ApplyRun, outcome: UpdateOutcome, problem: Problem): Promise<Problem> {
  const { ports, one, previewed } = run;
  const touched = outcome.events.length > 0 || (await stateMoved(run, previewed));
  if (touched) {
    const done = outcome.events.filter((event) => event.phase === 'done');
    return new Problem(
      problem.code,
      `The update of ${one.proposal.stack.fqn} was started and did not end well: ${problem.message} ${progressOf(done.length, outcome.events)} The files stay as approved.`,
      `${problem.nextStep} Then roll back from here, or run \`pulumi preview --stack ${one.proposal.stack.fqn}\` to see what is left to do.`,
      { cause: problem },
    );
  }
  try {
    await restoreFiles(one.written);
    one.written = [];
    ports.journal.append({ proposal: one.proposal.id, event: 'files-restored' }, ports.clock.now());
  } catch (thrown) {
    const left = toProblem(thrown);
    // Part is put back and part is someone's own by now: no longer what was approved, and nothing to roll back.
    one.written = [];
    return new Problem(
      problem.code,
      `The update changed nothing: ${problem.message} ${left.message}`,
      `${problem.nextStep} ${left.nextStep}`,
      { cause: problem },
    );
  }
  return new Problem(
    problem.code,
    `${problem.message} The update changed nothing in ${one.proposal.stack.fqn}, and the files are put back as they were.`,
    problem.nextStep,
    { cause: problem },
  );
}

function progressOf(done: number, events: readonly ResourceEvent[]): string {
  const failed = events
    .filter((event) => event.phase === 'failed')
    .map((event) => event.urn.split('::').at(-1) ?? '');
  return `${done} ${done === 1 ? 'step' : 'steps'} done${failed.length > 0 ? `, failed at ${failed.join(', ').slice(0, 200)}` : ''}.`;
}

/** Whether the state differs from the one that was previewed. Where it can't be read, it has to be taken as moved. */
async function stateMoved({ ports, one }: ApplyRun, previewed: Previewed): Promise<boolean> {
  try {
    const snapshot = await ports.stacks.snapshot(one.proposal.stack);
    return snapshot.digest !== previewed.bindings.state || snapshot.pendingOperations.length > 0;
  } catch {
    return true;
  }
}
