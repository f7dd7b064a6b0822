import * as vscode from 'vscode';
import { type Problem, toProblem } from '../problem.ts';
import type { Proposal } from '../remediation/proposal.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
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
    const { ProposalStore } = await import('../remediation/proposal-store.ts');
    const store = new ProposalStore(directory);
    const watch = await store.watch(
      (proposal) => void this.#take(proposal, () => store.remove(proposal.id)),
      (problem) => this.#log.warn(`Inbox: ${problem.message}`),
    );
    if (this.#disposed) watch.dispose();
    else this.#watch = watch;
  }

  async #take(proposal: Proposal, remove: () => Promise<void>): Promise<void> {
    // Other windows watch the same folder: only the one that has the project open takes it.
    if (!isOpenHere(proposal) || this.#workflow.proposal(proposal.id) !== undefined) return;
    try {
      await this.#workflow.submit(proposal);
    } catch (thrown) {
      const problem = toProblem(thrown);
      this.#log.warn(`A proposal from the inbox was refused: ${problem.message}`);
      await this.#tellRefusal(proposal, problem);
      await this.#prompts.notify('warning', `An assistant's proposal was refused: ${problem.message}`);
      return;
    } finally {
      await remove();
    }
    const by = proposal.origin.by === 'mcp' ? oneLine(proposal.origin.client, 60) : 'An assistant';
    const choice = await this.#prompts.notify(
      'info',
      `${by || 'An assistant'} proposed a change: ${oneLine(proposal.title, 120)}`,
      'Review',
    );
    if (choice === 'Review') await this.#review(proposal.id);
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
