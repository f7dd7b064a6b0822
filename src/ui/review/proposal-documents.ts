import * as vscode from 'vscode';
import type { Proposal } from '../../remediation/proposal.ts';
import type { ProposedFile } from '../../workflow/workflow-api.ts';

export const PROPOSAL_SCHEME = 'plumbline-proposal';

/** What a person was shown: the proposal and the bytes of its files, as they were when the diff was opened. */
export interface ShownProposal {
  readonly proposal: Proposal;
  readonly files: readonly ProposedFile[];
}

/** The right side of the diff: read-only documents that hold a proposal's files as they would be. */
export class ProposalDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #shown = new Map<string, ShownProposal>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration: vscode.Disposable;

  constructor() {
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(PROPOSAL_SCHEME, this);
  }

  /** Keeps what is about to be shown and gives the address of each file's right side. */
  show(shown: ShownProposal): void {
    this.#shown.set(shown.proposal.id, shown);
    for (const { file } of shown.files) this.#changed.fire(proposalUri(shown.proposal.id, file));
  }

  shown(proposalId: string): ShownProposal | undefined {
    return this.#shown.get(proposalId);
  }

  forget(proposalId: string): void {
    this.#shown.delete(proposalId);
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const { proposalId, file } = parseProposalUri(uri);
    const found = this.#shown.get(proposalId)?.files.find((f) => f.file === file);
    // A diff restored from an earlier session has no proposal behind it any more.
    if (found === undefined)
      return 'This proposal is no longer open. Review it again from the Plumbline panel.\n';
    return found.after;
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
    this.#shown.clear();
  }
}

/** The file's own path and ending stay at the end, so that its language is recognised. */
export function proposalUri(proposalId: string, file: string): vscode.Uri {
  return vscode.Uri.from({ scheme: PROPOSAL_SCHEME, authority: proposalId, path: `/${file}` });
}

export function parseProposalUri(uri: vscode.Uri): { readonly proposalId: string; readonly file: string } {
  return { proposalId: uri.authority, file: uri.path.replace(/^\//, '') };
}
