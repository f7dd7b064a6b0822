import { oneLine } from '../words.ts';

/**
 * A multi-file diff shows its label and nothing else of itself in the stable API. The label therefore ends with the
 * proposal's id, and stands for a proposal only while it can mean no other one.
 */
export class DiffLabels {
  readonly #proposals = new Map<string, string>();

  /** The label for a proposal's diff, remembered as its own. */
  label(proposal: { readonly id: string; readonly title: string }): string {
    const label = `Plumbline: ${oneLine(proposal.title, 80)} (${proposal.id})`;
    this.#proposals.set(label, proposal.id);
    return label;
  }

  /**
   * The proposal that a tab's label stands for; undefined where no tab, or more than one of those that are open, bears
   * it. VS Code adds the number of files behind the label that it was given.
   */
  proposalOf(label: string, openLabels: readonly string[]): string | undefined {
    const own = [...this.#proposals.keys()].find((known) => bears(label, known));
    if (own === undefined || openLabels.filter((open) => bears(open, own)).length !== 1) return undefined;
    return this.#proposals.get(own);
  }

  forget(proposalId: string): void {
    for (const [label, id] of this.#proposals) if (id === proposalId) this.#proposals.delete(label);
  }
}

function bears(label: string, known: string): boolean {
  return label === known || label.startsWith(`${known} `);
}
