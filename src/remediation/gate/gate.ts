import { rm } from 'node:fs/promises';
import { Problem, toProblem } from '../../problem.ts';
import { ALL_DATASETS } from '../../telemetry/query.ts';
import type { ProposalView } from '../../workflow/messages.ts';
import { type CheckedFile, checkProposal, filesOf } from '../check.ts';
import type { PreviewResult, Proposal, Verification } from '../proposal.ts';
import { allows, nextState, type ProposalEvent } from '../proposal-states.ts';
import { type ApplyRun, checkBindings, writeAndUpdate } from './apply.ts';
import { Approval } from './approval.ts';
import { approvedFiles, stackNow } from './bind.ts';
import { type Case, openCase, viewOf } from './case.ts';
import { markDeployment, watchDeployment } from './deployment.ts';
import { treeDigest } from './digests.ts';
import { type JournalEntry, type Unfinished, unfinished } from './journal.ts';
import type { GatePorts, Progress } from './ports.ts';
import { runPreview } from './preview.ts';
import { reverseProposal } from './reverse.ts';
import { FailedRollout } from './rollout.ts';
import { verifyDeployment } from './verify.ts';
import { isRunning } from './window-process.ts';

/** The journal's entry without the proposal it is about. */
type Entry = JournalEntry extends infer One
  ? One extends JournalEntry
    ? Omit<One, 'proposal'>
    : never
  : never;

/**
 * The one way from a proposal to a changed stack: a person's approval of the diff, a preview in a copy, a second yes,
 * and then an update that does what the preview showed or nothing. Approvals live in this object alone.
 */
export class Gate {
  readonly #ports: GatePorts;
  readonly #cases = new Map<string, Case>();
  readonly #listeners = new Set<(view: ProposalView) => void>();

  constructor(ports: GatePorts) {
    this.#ports = ports;
  }

  /** Newest first. */
  get views(): readonly ProposalView[] {
    return [...this.#cases.values()].map(viewOf).reverse();
  }

  onDidChange(listener: (view: ProposalView) => void): { dispose(): void } {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /** What was being applied when an earlier process ended, in words. Each is told once; another window's work is its own. */
  recover(): readonly Unfinished[] {
    const told = unfinished(this.#ports.journal.read(), isRunning);
    for (const { proposal } of told) {
      try {
        this.#ports.journal.append({ proposal, event: 'acknowledged' }, this.#ports.clock.now());
      } catch {
        // It is told all the same, and then once more the next time.
      }
    }
    return told;
  }

  /** Takes in a proposal to be looked at, if it holds against the files and names a stack of this workspace. */
  async submit(proposal: Proposal): Promise<void> {
    const known = this.#cases.get(proposal.id);
    if (known && known.state !== 'rejected' && known.state !== 'rolled-back') return;
    await checkProposal(proposal);
    await stackNow(this.#ports, proposal.stack);
    const reverses = [...this.#cases.values()].find(
      (one) => this.#reverses.get(proposal.id) === one.proposal.id,
    );
    const one = openCase(proposal, reverses?.proposal.id ?? null);
    const origin = proposal.origin.by === 'mcp' ? `mcp: ${proposal.origin.client}` : 'diagnosis';
    this.#write(one, { event: 'submitted', title: proposal.title, stack: proposal.stack.fqn, origin });
    // A proposal that comes again is the newest.
    this.#cases.delete(proposal.id);
    this.#cases.set(proposal.id, one);
    this.#announce(one);
  }

  /** The files as they are now and as they would be; a Problem where the proposal no longer holds. */
  async files(id: string): Promise<readonly CheckedFile[]> {
    const { proposal } = this.#case(id);
    return filesOf(proposal.stack.projectDir, proposal.edits);
  }

  /** A person's yes to the diff with this hash. The diff is made anew; another one is a `stale` Problem. */
  async approve(id: string, shownDiffSha256: string): Promise<void> {
    const one = this.#case(id);
    nextState(one.state, 'approve');
    await approvedFiles(one.proposal, shownDiffSha256);
    if (shownDiffSha256 !== one.proposal.diffSha256) {
      throw new Problem(
        'stale',
        'The diff that was shown is not the one of this proposal.',
        'Review the diff again.',
      );
    }
    // Two may have been waiting for the files: only one of them still finds the state that allows it.
    const state = nextState(one.state, 'approve');
    const expiresAt = this.#ports.clock.now() + this.#ports.settings().approvalMinutes * 60_000;
    this.#write(one, { event: 'approved', diffSha256: shownDiffSha256, expiresAt });
    const dropped = this.#forget(one);
    one.approval = new Approval(shownDiffSha256, expiresAt);
    // The diff holds against the files, so nothing of an earlier update stands in them.
    one.written = [];
    one.problem = null;
    one.state = state;
    this.#announce(one);
    await dropped;
  }

  reject(id: string): void {
    const one = this.#case(id);
    const state = nextState(one.state, 'reject');
    if (one.written.length > 0) {
      throw new Problem(
        'refused',
        'The update was begun and its files are written: rejecting would leave them so.',
        'Roll back.',
      );
    }
    this.#write(one, { event: 'rejected' });
    void this.#forget(one);
    one.state = state;
    one.problem = null;
    this.#announce(one);
  }

  /** Runs the patched program in a copy, after an approval only. */
  async preview(id: string, signal: AbortSignal, progress: Progress): Promise<PreviewResult> {
    const one = this.#case(id);
    const approval = this.#approvalOf(one);
    this.#step(one, 'start-preview');
    return this.#run(one, 'preview-failed', progress, async (told) => {
      const { diffSha256 } = approval;
      const previewed = await runPreview({
        ports: this.#ports,
        proposal: one.proposal,
        diffSha256,
        signal,
        progress: told,
      });
      one.previewed = previewed;
      this.#write(one, {
        event: 'previewed',
        state: previewed.bindings.state,
        tree: treeDigest(previewed.bindings.tree),
        plan: previewed.bindings.plan,
        cliVersion: previewed.bindings.cliVersion,
        summary: previewed.result.summary,
      });
      this.#step(one, 'previewed');
      return previewed.result;
    });
  }

  /** The second yes, after the preview; where the preview wants it, with the stack's name typed. */
  async confirm(id: string, typed?: string): Promise<void> {
    const one = this.#case(id);
    nextState(one.state, 'confirm');
    this.#approvalOf(one);
    const needed = one.previewed?.result.needsTypedConfirmation === true;
    if (needed && typed !== one.proposal.stack.name) {
      throw new Problem(
        'refused',
        `This update wants the stack's name typed: ${one.previewed?.result.confirmationReasons.join(' ') ?? ''}`,
        `Type ${one.proposal.stack.name} to confirm, or reject the proposal.`,
      );
    }
    this.#write(one, { event: 'confirmed', typed: needed });
    this.#step(one, 'confirm');
  }

  /** Applies what was previewed and confirmed, and watches the rollout. The only way to `pulumi up`. */
  async apply(id: string, signal: AbortSignal, progress: Progress): Promise<void> {
    const one = this.#case(id);
    nextState(one.state, 'start-apply');
    const busy = [...this.#cases.values()].find(
      (other) => other.state === 'applying' && other.proposal.stack.fqn === one.proposal.stack.fqn,
    );
    if (busy) {
      throw new Problem(
        'stack-locked',
        `${busy.proposal.title} is being applied to the same stack.`,
        'Wait until it has ended.',
      );
    }
    const approval = this.#approvalOf(one);
    const previewed = one.previewed;
    if (!previewed) throw new Problem('refused', 'There is no preview to apply.', 'Approve the diff again.');
    approval.take(this.#ports.clock.now());
    this.#step(one, 'start-apply');
    await this.#run(one, 'apply-failed', progress, async (told) => {
      const run: ApplyRun = {
        ports: this.#ports,
        one,
        previewed,
        diffSha256: approval.diffSha256,
        signal,
        progress: told,
      };
      await writeAndUpdate(run, await checkBindings(run));
      this.#note(one, { event: 'applied' });
      this.#step(one, 'applied');
      this.#turnBackOriginal(one);
    });
    await this.#forget(one);
    await this.#run(one, 'rollout-failed', progress, (told) => this.#watchRollout(one, signal, told));
  }

  /** Compares latency before and after the deployment; waits until there is telemetry to compare. */
  async verify(id: string, signal: AbortSignal, progress: Progress): Promise<Verification> {
    const one = this.#case(id);
    nextState(one.state, 'verified');
    return this.#run(one, null, progress, async (told) => {
      if (one.deployedAt === null) await this.#watchRollout(one, signal, told);
      const store = await this.#ports.telemetry();
      if (!store || one.deployedAt === null) {
        throw new Problem(
          'unreachable',
          'There is no telemetry to verify with.',
          'Connect a telemetry store and verify again.',
        );
      }
      const settings = this.#ports.settings();
      const verification = await verifyDeployment({
        store,
        dataset: settings.dataset || ALL_DATASETS,
        service: one.proposal.service,
        operation: one.proposal.operation,
        p95WhenProposed: one.proposal.expected.p95Before,
        updateStartedAt: one.updateStartedAt ?? one.deployedAt,
        deployedAt: one.deployedAt,
        windowSeconds: settings.verifyWindowSeconds,
        clock: this.#ports.clock,
        signal,
        onProgress: told,
      });
      one.verification = verification;
      this.#write(one, {
        event: 'verified',
        verdict: verification.verdict,
        p95Before: verification.before?.p95 ?? null,
        p95After: verification.after?.p95 ?? null,
      });
      this.#step(one, 'verified');
      return verification;
    });
  }

  /** The reverse of what was applied, as a proposal to be submitted and reviewed like any other. */
  async rollBack(id: string): Promise<Proposal> {
    const one = this.#case(id);
    nextState(one.state, 'rolled-back');
    if (one.written.length === 0) {
      throw new Problem('refused', 'Nothing of this proposal is applied.', 'There is nothing to roll back.');
    }
    const reverse = await reverseProposal(one.proposal, one.written, this.#ports.clock.now());
    this.#reverses.set(reverse.id, id);
    return reverse;
  }

  /** Removes what previews left. Approvals end with this object. */
  async dispose(): Promise<void> {
    this.#listeners.clear();
    await Promise.all([...this.#cases.values()].map((one) => this.#forget(one)));
  }

  /** Reverse proposal → the one it turns back. */
  readonly #reverses = new Map<string, string>();

  #turnBackOriginal(reverse: Case): void {
    const original = reverse.reverses === null ? undefined : this.#cases.get(reverse.reverses);
    if (!original) return;
    this.#write(original, { event: 'rolled-back', by: reverse.proposal.id });
    original.written = [];
    this.#step(original, 'rolled-back');
  }

  async #watchRollout(one: Case, signal: AbortSignal, told: Progress): Promise<void> {
    const deployed = await watchDeployment(this.#ports, one, signal, told);
    this.#write(one, { event: 'rolled-out', ...deployed });
    await markDeployment(this.#ports, one, signal);
    this.#announce(one);
  }

  #case(id: string): Case {
    const one = this.#cases.get(id);
    if (!one) {
      throw new Problem(
        'not-found',
        `There is no proposal ${id.slice(0, 60)} in this window.`,
        'Diagnose again for a new one.',
      );
    }
    return one;
  }

  #approvalOf(one: Case): Approval {
    if (!one.approval) {
      throw new Problem('refused', 'This proposal is not approved.', 'Open its diff and approve it there.');
    }
    try {
      one.approval.check(this.#ports.clock.now());
      return one.approval;
    } catch (thrown) {
      const problem = toProblem(thrown);
      this.#expire(one, problem);
      throw problem;
    }
  }

  /** One long step: its progress is shown, and what it throws is where the case then stands. */
  async #run<T>(
    one: Case,
    failure: ProposalEvent | null,
    progress: Progress,
    work: (told: Progress) => Promise<T>,
  ): Promise<T> {
    if (one.busy) {
      throw new Problem('refused', 'Something is under way for this proposal.', 'Wait until it has ended.');
    }
    one.busy = true;
    one.problem = null;
    try {
      return await work((label, fraction) => {
        one.progress = { label, fraction };
        progress(label, fraction);
        this.#announce(one);
      });
    } catch (thrown) {
      const problem = toProblem(thrown);
      const untouched = one.written.length === 0 && allows(one.state, 'expire');
      if (problem.code === 'stale' && untouched) this.#expire(one, problem);
      else this.#fail(one, failure, problem);
      throw problem;
    } finally {
      one.busy = false;
      one.progress = null;
      this.#announce(one);
    }
  }

  #fail(one: Case, failure: ProposalEvent | null, problem: Problem): void {
    one.problem = { message: problem.message, nextStep: problem.nextStep };
    const { message } = problem;
    // A rollout that is only slow, or can't be watched, has not failed: it can be verified later.
    const unwatched = failure === 'rollout-failed' && !(problem instanceof FailedRollout);
    if (failure !== null && !unwatched) one.state = nextState(one.state, failure);
    if (failure === 'preview-failed') this.#note(one, { event: 'preview-failed', problem: message });
    if (failure === 'apply-failed') {
      this.#note(one, { event: 'apply-failed', problem: message, filesStand: one.written.length > 0 });
    }
    if (failure === 'rollout-failed') {
      this.#note(one, { event: unwatched ? 'rollout-unwatched' : 'rollout-failed', problem: message });
    }
    if (failure === 'preview-failed' || failure === 'apply-failed') void this.#forget(one);
  }

  #expire(one: Case, problem: Problem): void {
    one.problem = { message: problem.message, nextStep: problem.nextStep };
    one.state = nextState(one.state, 'expire');
    this.#note(one, { event: 'expired', reason: problem.message });
    void this.#forget(one);
    this.#announce(one);
  }

  #step(one: Case, event: ProposalEvent): void {
    one.state = nextState(one.state, event);
    this.#announce(one);
  }

  /** Ends an approval and removes the plan; the preview's result stays to be looked at. */
  async #forget(one: Case): Promise<void> {
    one.approval = null;
    const dir = one.previewed?.dir;
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  }

  #write(one: Case, entry: Entry): void {
    this.#ports.journal.append(
      { proposal: one.proposal.id, ...entry } as JournalEntry,
      this.#ports.clock.now(),
    );
  }

  /** Writes down what has happened already: where that can't be, it is said beside it and hides nothing. */
  #note(one: Case, entry: Entry): void {
    try {
      this.#write(one, entry);
    } catch (thrown) {
      const { message, nextStep } = toProblem(thrown);
      one.problem = {
        message: `${one.problem ? `${one.problem.message} ` : ''}It is not in the journal: ${message}`,
        nextStep: one.problem?.nextStep ?? nextStep,
      };
    }
  }

  #announce(one: Case): void {
    const view = viewOf(one);
    for (const listener of this.#listeners) listener(view);
  }
}
