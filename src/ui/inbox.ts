import * as vscode from 'vscode';
import { type Problem, toProblem } from '../problem.ts';
import type { Proposal } from '../remediation/proposal.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
import { inboxProposal } from './inbox-proposal.ts';
import type { Prompts } from './prompts.ts';
import { oneLine } from './words.ts';

/** Takes in what models proposed through MCP, as something to be looked at, and says that it is there. */
export class Inbox implements vscode.Disposable {
  readonly #workflow: Workflow;
  readonly #prompts: Prompts;
  readonly #log: vscode.LogOutputChannel;
  readonly #review: (proposalId: string) => Promise<void>;
  readonly #standings: string;
  #watch: { dispose(): void } | undefined;
  #watching = false;
  #disposed = false;

  constructor(parts: {
    readonly workflow: Workflow;
    readonly prompts: Prompts;
    readonly log: vscode.LogOutputChannel;
    readonly review: (proposalId: string) => Promise<void>;
    /** Folder in which the proposing side reads what became of its proposals. */
    readonly standings: string;
  }) {
    this.#workflow = parts.workflow;
    this.#prompts = parts.prompts;
    this.#log = parts.log;
    this.#review = parts.review;
    this.#standings = parts.standings;
  }

  /** Watches a folder of proposals until disposed. */
  async watch(directory: string): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const { ProposalStore } = await import('../remediation/proposal-store.ts');
    const store = new ProposalStore(directory);
    const watch = await store.watch(
      (proposal) => {
        this.#take(proposal, () => store.remove(proposal.id)).catch((thrown) =>
          this.#log.warn(`Inbox: ${toProblem(thrown).message}`),
        );
      },
      (problem) => this.#log.warn(`Inbox: ${problem.message}`),
    );
    if (this.#disposed) watch.dispose();
    else this.#watch = watch;
  }

  async #take(found: Proposal, remove: () => Promise<void>): Promise<void> {
    // Other windows watch the same folder: only the one that has the project open takes it.
    if (!isOpenHere(found)) return;
    let proposal: Proposal;
    let wasWaiting: boolean;
    try {
      proposal = inboxProposal(found);
      wasWaiting = this.#waits(proposal.id);
      // One that is known already is sent on, too: whether it may be made again is for the gate to say.
      await this.#workflow.submit(proposal);
    } catch (thrown) {
      const problem = toProblem(thrown);
      this.#log.warn(`A proposal from the inbox was refused: ${problem.message}`);
      await this.#tellRefusal(found, problem);
      await this.#prompts.notify('warning', `An assistant's proposal was refused: ${problem.message}`);
      return;
    } finally {
      await remove();
    }
    if (wasWaiting || !this.#waits(proposal.id)) return;
    const by = proposal.origin.by === 'mcp' ? oneLine(proposal.origin.client, 60) : 'An assistant';
    const choice = await this.#prompts.notify(
      'info',
      `${by || 'An assistant'} proposed a change: ${oneLine(proposal.title, 120)}`,
      'Review',
    );
    if (choice === 'Review') await this.#review(proposal.id);
  }

  #waits(proposalId: string): boolean {
    return this.#workflow.state.proposals.some(
      ({ proposal, state }) => proposal.id === proposalId && state === 'proposed',
    );
  }

  /** The model that proposed it can then read why. */
  async #tellRefusal(proposal: Proposal, { message, nextStep }: Problem): Promise<void> {
    const { StandingStore } = await import('../remediation/standing-store.ts');
    const problem = { message, nextStep };
    await new StandingStore(this.#standings).put({
      proposal,
      state: 'rejected',
      preview: null,
      verification: null,
      problem,
    });
  }

  dispose(): void {
    this.#disposed = true;
    this.#watch?.dispose();
  }
}

function isOpenHere(proposal: Proposal): boolean {
  return vscode.workspace.getWorkspaceFolder(vscode.Uri.file(proposal.stack.projectDir)) !== undefined;
}
