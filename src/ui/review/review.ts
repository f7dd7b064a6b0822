import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { Problem } from '../../problem.ts';
import type { ProposedFile, Workflow } from '../../workflow/workflow-api.ts';
import { oneLine } from '../words.ts';
import { DiffLabels } from './diff-labels.ts';
import {
  PROPOSAL_SCHEME,
  ProposalDocuments,
  parseProposalUri,
  proposalUri,
  type ShownProposal,
} from './proposal-documents.ts';

/**
 * The diff in which a person says yes or no. An approval is given only for the diff that is open and in front,
 * and only while its left side is still what the files hold.
 */
export class Review implements vscode.Disposable {
  readonly #workflow: Workflow;
  readonly #documents = new ProposalDocuments();
  readonly #labels = new DiffLabels();
  readonly #opened = new Set<string>();
  readonly #stale = new Set<string>();
  readonly #becameStale = new vscode.EventEmitter<ShownProposal>();
  readonly onDidBecomeStale = this.#becameStale.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(workflow: Workflow) {
    this.#workflow = workflow;
    this.#subscriptions = [
      this.#documents,
      this.#becameStale,
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#fileChanged(document)),
      vscode.window.tabGroups.onDidChangeTabs(() => void this.#publish()),
      vscode.window.tabGroups.onDidChangeTabGroups(() => void this.#publish()),
    ];
  }

  /** Opens the diff of a proposal: the file on the left, the proposal's text on the right. */
  async open(proposalId: string): Promise<void> {
    const proposal = this.#workflow.proposal(proposalId);
    if (proposal === undefined) {
      throw new Problem(
        'not-found',
        `There is no proposal ${proposalId} in this window.`,
        'Diagnose again to get one.',
      );
    }
    const files = await this.#workflow.proposedFiles(proposalId);
    this.#stale.delete(proposalId);
    this.#documents.show({ proposal, files });
    const [only, ...others] = files;
    if (only === undefined) {
      throw new Problem('empty', 'This proposal changes no file.', 'Discard it and diagnose again.');
    }
    this.#opened.add(proposalId);
    if (others.length === 0) {
      const name = `${only.file} ↔ ${oneLine(proposal.title, 60)} (proposal)`;
      await vscode.commands.executeCommand(
        'vscode.diff',
        vscode.Uri.file(only.absolutePath),
        proposalUri(proposalId, only.file),
        name,
        { preview: false },
      );
    } else {
      const resources = files.map((f) => {
        const left = vscode.Uri.file(f.absolutePath);
        return [left, left, proposalUri(proposalId, f.file)];
      });
      await vscode.commands.executeCommand('vscode.changes', this.#labels.label(proposal), resources);
    }
    await this.#publish();
  }

  /** The proposal whose diff is in front, if one is. */
  inFront(): string | undefined {
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    return tab === undefined ? undefined : this.#proposalOf(tab);
  }

  #proposalOf(tab: vscode.Tab): string | undefined {
    if (tab.input instanceof vscode.TabInputTextDiff) {
      const { modified } = tab.input;
      return modified.scheme === PROPOSAL_SCHEME ? parseProposalUri(modified).proposalId : undefined;
    }
    if (isOfKnownKind(tab)) return undefined;
    return this.#labels.proposalOf(
      tab.label,
      tab.group.tabs.filter((other) => !isOfKnownKind(other)).map(({ label }) => label),
    );
  }

  /**
   * What may be approved now: the hash of the diff that is in front, after its files were read again.
   * Throws `stale` when a file moved on under the diff and `refused` when no such diff is in front.
   */
  async approvable(): Promise<{ readonly proposalId: string; readonly diffSha256: string }> {
    const proposalId = this.inFront();
    const shown = proposalId === undefined ? undefined : this.#documents.shown(proposalId);
    if (proposalId === undefined || shown === undefined) {
      throw new Problem(
        'refused',
        'No proposal is open in front of you.',
        'Open its diff and approve it there.',
      );
    }
    for (const file of shown.files) await this.#mustBeUnchanged(file, shown);
    // The hash is made of the texts that were on the screen, not taken from the proposal's own word.
    const { diffDigest } = await import('../../remediation/diff.ts');
    return { proposalId, diffSha256: diffDigest(shown.files) };
  }

  /** Closes the diff of a proposal that was decided on. */
  async close(proposalId: string): Promise<void> {
    const tabs = vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .filter((tab) => this.#proposalOf(tab) === proposalId);
    await vscode.window.tabGroups.close(tabs);
    this.#documents.forget(proposalId);
    this.#labels.forget(proposalId);
    this.#opened.delete(proposalId);
  }

  async #mustBeUnchanged(file: ProposedFile, shown: ShownProposal): Promise<void> {
    const open = vscode.workspace.textDocuments.find(
      (d) => d.uri.scheme === 'file' && d.fileName === file.absolutePath,
    );
    if (open?.isDirty === true) {
      throw new Problem(
        'stale',
        `${file.file} has changes that are not saved, so the diff is not what would be applied.`,
        'Save or undo them, then review the proposal again.',
      );
    }
    const bytes = await readFile(file.absolutePath, 'utf8');
    if (bytes !== file.before) throw stale(shown);
  }

  #fileChanged(document: vscode.TextDocument): void {
    if (document.uri.scheme !== 'file') return;
    for (const proposalId of this.#opened) {
      const shown = this.#documents.shown(proposalId);
      const file = shown?.files.find((f) => f.absolutePath === document.fileName);
      if (shown === undefined || file === undefined || this.#stale.has(proposalId)) continue;
      // Documents have one kind of line ending, files may not: compare without.
      if (lines(document.getText()) === lines(file.before)) continue;
      this.#stale.add(proposalId);
      this.#becameStale.fire(shown);
    }
  }

  async #publish(): Promise<void> {
    await vscode.commands.executeCommand('setContext', 'plumbline.reviewing', this.inFront() !== undefined);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** The multi-file diff is of a kind that the stable API does not name; a page or file of the same label is none. */
function isOfKnownKind({ input }: vscode.Tab): boolean {
  return [
    vscode.TabInputText,
    vscode.TabInputTextDiff,
    vscode.TabInputCustom,
    vscode.TabInputWebview,
    vscode.TabInputNotebook,
    vscode.TabInputNotebookDiff,
    vscode.TabInputTerminal,
  ].some((kind) => input instanceof kind);
}

function stale({ proposal }: ShownProposal): Problem {
  return new Problem(
    'stale',
    `The files changed after the proposal “${oneLine(proposal.title)}” was made, so its diff no longer holds.`,
    'Diagnose again for a proposal that fits the files as they are now.',
  );
}

function lines(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}
