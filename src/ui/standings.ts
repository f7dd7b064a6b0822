import type { LogOutputChannel } from 'vscode';
import { toProblem } from '../problem.ts';
import type { ProposalView } from '../workflow/messages.ts';
import type { Workflow } from '../workflow/workflow-api.ts';

/** Tells the MCP server, through files that it only reads, how the proposals of this window stand. */
export class Standings {
  readonly #directory: string;
  readonly #log: LogOutputChannel;
  readonly #written = new Map<string, string>();
  readonly #subscription: { dispose(): void };
  #writing = Promise.resolve();

  constructor(workflow: Workflow, directory: string, log: LogOutputChannel) {
    this.#directory = directory;
    this.#log = log;
    this.#subscription = workflow.onDidChange(({ proposals }) => {
      for (const view of proposals) this.#note(view);
    });
  }

  /** One write at a time, in the order of the changes; progress alone is no change. */
  #note(view: ProposalView): void {
    const { proposal, state, preview, verification, problem } = view;
    const standing = { proposal, state, preview, verification, problem };
    const mark = JSON.stringify([state, preview === null, verification?.verdict, problem?.message]);
    if (this.#written.get(proposal.id) === mark) return;
    this.#written.set(proposal.id, mark);
    this.#writing = this.#writing.then(async () => {
      try {
        const { StandingStore } = await import('../remediation/standing-store.ts');
        await new StandingStore(this.#directory).put(standing);
      } catch (thrown) {
        this.#log.warn(`How ${proposal.id} stands could not be written: ${toProblem(thrown).message}`);
      }
    });
  }

  dispose(): void {
    this.#subscription.dispose();
  }
}
