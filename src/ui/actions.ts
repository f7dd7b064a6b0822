import * as vscode from 'vscode';
import { Problem, toProblem } from '../problem.ts';
import type { ProposalView } from '../workflow/messages.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
import type { Panel } from './panel/panel.ts';
import { withCancellableProgress } from './progress.ts';
import type { Prompts } from './prompts.ts';
import { approvalWords, confirmationWords, outcomeWords } from './review/confirmation.ts';
import type { Review } from './review/review.ts';
import { readSettings } from './settings.ts';
import { openSource } from './source.ts';
import { oneLine } from './words.ts';

export interface DiagnoseTarget {
  readonly service?: string;
  readonly operation?: string;
}

/**
 * What a person can set going, from wherever they do: command, tree, panel or editor title.
 * At most one long run at a time, which `cancel` ends; verifications go on beside it.
 */
export class Actions implements vscode.Disposable {
  readonly #workflow: Workflow;
  readonly #review: Review;
  readonly #panel: () => Panel;
  readonly #prompts: Prompts;
  readonly #log: vscode.LogOutputChannel;
  #running: AbortController | undefined;
  /** Verifications that go on beside the one long run, by proposal. */
  readonly #apart = new Map<string, AbortController>();

  constructor(parts: {
    readonly workflow: Workflow;
    readonly review: Review;
    readonly panel: () => Panel;
    readonly prompts: Prompts;
    readonly log: vscode.LogOutputChannel;
  }) {
    this.#workflow = parts.workflow;
    this.#review = parts.review;
    this.#panel = parts.panel;
    this.#prompts = parts.prompts;
    this.#log = parts.log;
  }

  async diagnose(target: DiagnoseTarget = {}): Promise<void> {
    this.#panel().show();
    await this.#long('Diagnosing latency', null, async (signal) => {
      await this.#workflow.diagnose({ lookbackMinutes: readSettings().lookbackMinutes, ...target }, signal);
    });
  }

  cancel(): void {
    this.#running?.abort();
  }

  /** Opens the diff of the given proposal, or of the one the person picks. */
  async review(proposalId?: string): Promise<void> {
    const id = proposalId ?? (await this.#pickProposal());
    if (id !== undefined) await this.#review.open(id);
  }

  async approve(): Promise<void> {
    const { proposalId, diffSha256 } = await this.#review.approvable();
    if (await this.#isBusy()) return;
    const proposal = this.#workflow.proposal(proposalId);
    // Whoever can run a command of VS Code (a model's tool, too) could get here; a modal dialog only a person answers.
    if (proposal?.origin.by === 'mcp' && !(await this.#prompts.confirm(approvalWords(proposal)))) return;
    await this.#review.close(proposalId);
    this.#panel().show();
    await this.#long('Previewing the change', proposalId, (signal) =>
      this.#workflow.approve(proposalId, diffSha256, signal),
    );
  }

  async reject(): Promise<void> {
    const proposalId = this.#review.inFront();
    if (proposalId === undefined) return;
    await this.#workflow.reject(proposalId);
    await this.#review.close(proposalId);
    this.#panel().show();
  }

  async discard(proposalId: string): Promise<void> {
    await this.#workflow.reject(proposalId);
    await this.#review.close(proposalId);
  }

  /** The second yes: says what would happen, asks, and only then applies. */
  async confirm(proposalId: string): Promise<void> {
    const view = this.#view(proposalId);
    if (view?.preview == null) return;
    const words = confirmationWords(view.proposal, view.preview);
    if (!(await this.#prompts.confirm(words))) return;
    let typed: string | undefined;
    if (view.preview.needsTypedConfirmation) {
      const expected = view.proposal.stack.name;
      typed = await this.#prompts.input({
        title: words.message,
        prompt: `${view.preview.confirmationReasons.join(' ')} Type the name of the stack, ${expected}, to go on.`,
        placeHolder: expected,
        validate: (value) => (value === expected ? undefined : `Type ${expected}, exactly.`),
      });
      if (typed === undefined) return;
    }
    const done = await this.#long('Applying the change', proposalId, async (signal, goOnApart) => {
      // Once applied, what is left only waits and measures: it must not keep the person from diagnosing.
      const subscription = this.#workflow.onDidChange(() => {
        if (this.#view(proposalId)?.state === 'applied') goOnApart();
      });
      try {
        await this.#workflow.confirm(proposalId, typed, signal);
      } finally {
        subscription.dispose();
      }
    });
    if (done) await this.#tellOutcome(proposalId);
  }

  /** Measures a change that was applied and not verified, beside whatever else runs; the notification cancels it. */
  async verify(proposalId: string): Promise<void> {
    if (this.#apart.has(proposalId)) {
      await this.#prompts.notify('info', 'This change is being verified already.');
      return;
    }
    const running = new AbortController();
    this.#apart.set(proposalId, running);
    try {
      await this.#underProgress('Verifying the change', proposalId, running.signal, (signal) =>
        this.#workflow.verify(proposalId, signal),
      );
    } finally {
      this.#apart.delete(proposalId);
    }
    await this.#tellOutcome(proposalId);
  }

  /** Opens where a resource is declared, reading the stacks first if they were not read yet. */
  async openResource(urn: string): Promise<void> {
    const found = this.#workflow.resource(urn) ?? (await this.#findResource(urn));
    if (found === undefined) {
      throw new Problem(
        'not-found',
        'No stack of this workspace holds that resource.',
        'Refresh the stacks.',
      );
    }
    await openSource(found.stack, found.resource);
  }

  async #findResource(urn: string): Promise<ReturnType<Workflow['resource']>> {
    for (const stack of await this.#workflow.stacks()) {
      await this.#workflow.snapshot(stack);
      const found = this.#workflow.resource(urn);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async rollBack(proposalId: string): Promise<void> {
    const reverse = await this.#workflow.rollBack(proposalId);
    await this.#review.open(reverse.id);
  }

  /** Shows what went wrong, once: the panel does when it is in sight, else a notification. */
  async fail(thrown: unknown): Promise<void> {
    const problem = toProblem(thrown);
    if (problem.code === 'cancelled') return;
    this.#log.error(
      `${problem.message} ${problem.nextStep}`,
      ...(problem.code === 'internal' ? [thrown] : []),
    );
    if (this.#panel().visible && this.#isShown(problem)) return;
    const choice = await this.#prompts.notify('error', `${problem.message} ${problem.nextStep}`, 'Show Log');
    if (choice !== undefined) this.#log.show();
  }

  #isShown(problem: Problem): boolean {
    const { problem: shown, proposals } = this.#workflow.state;
    return [shown, ...proposals.map((p) => p.problem)].some((p) => p?.message === problem.message);
  }

  async #isBusy(): Promise<boolean> {
    if (this.#running === undefined) return false;
    await this.#prompts.notify('info', 'Plumbline is busy. Wait for it, or cancel what is running.');
    return true;
  }

  /**
   * True when the run came to its end; a cancelled or failed one has been reported already. The task may call `goOnApart`
   * to let another run begin beside the rest of it.
   */
  async #long(
    title: string,
    proposalId: string | null,
    task: (signal: AbortSignal, goOnApart: () => void) => Promise<void>,
  ): Promise<boolean> {
    if (await this.#isBusy()) return false;
    const running = new AbortController();
    const release = async () => {
      if (this.#running !== running) return;
      this.#running = undefined;
      await vscode.commands.executeCommand('setContext', 'plumbline.busy', false);
    };
    const goOnApart = () => {
      if (proposalId !== null) this.#apart.set(proposalId, running);
      void release();
    };
    this.#running = running;
    await vscode.commands.executeCommand('setContext', 'plumbline.busy', true);
    try {
      await this.#underProgress(title, proposalId, running.signal, (signal) => task(signal, goOnApart));
      return true;
    } catch (thrown) {
      // Not waited for: the run is over, whether or not the person answers the notification.
      void this.fail(thrown);
      return false;
    } finally {
      if (proposalId !== null && this.#apart.get(proposalId) === running) this.#apart.delete(proposalId);
      await release();
    }
  }

  /** Shows the progress of the diagnosis, or of one proposal, while the task runs. */
  async #underProgress(
    title: string,
    proposalId: string | null,
    ended: AbortSignal,
    task: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    await withCancellableProgress(title, ended, async (signal, report) => {
      const subscription = this.#workflow.onDidChange(({ progress }) => {
        const current = proposalId === null ? progress : this.#view(proposalId)?.progress;
        if (current) report(current);
      });
      try {
        await task(signal);
      } finally {
        subscription.dispose();
      }
    });
  }

  async #tellOutcome(proposalId: string): Promise<void> {
    const view = this.#view(proposalId);
    if (view === undefined) return;
    const { level, message } = outcomeWords(view);
    const choice = await this.#prompts.notify(level, message, 'Show', 'Roll Back…');
    if (choice === 'Show') this.#panel().show();
    if (choice === 'Roll Back…') await this.rollBack(proposalId);
  }

  #view(proposalId: string): ProposalView | undefined {
    return this.#workflow.state.proposals.find((p) => p.proposal.id === proposalId);
  }

  async #pickProposal(): Promise<string | undefined> {
    const views = this.#workflow.state.proposals;
    const [first] = views;
    if (views.length <= 1) return first?.proposal.id;
    const picked = await this.#prompts.pick(
      'Review Proposal',
      views.map(({ proposal, state }) => ({
        label: oneLine(proposal.title),
        description: state,
        detail:
          proposal.origin.by === 'mcp'
            ? `Proposed by ${oneLine(proposal.origin.client)}`
            : 'From the diagnosis',
        id: proposal.id,
      })),
    );
    return picked?.id;
  }

  dispose(): void {
    this.#running?.abort();
    for (const running of this.#apart.values()) running.abort();
  }
}
