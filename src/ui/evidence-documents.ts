import * as vscode from 'vscode';
import type { Workflow } from '../workflow/workflow-api.ts';

const SCHEME = 'plumbline-evidence';

/** Evidence as a read-only JSON document, with the query that gave it. */
export class EvidenceDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #workflow: Workflow;
  readonly #registration: vscode.Disposable;

  constructor(workflow: Workflow) {
    this.#workflow = workflow;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  /** Opens the store's own page where it has one (https only), else the document. */
  async open(evidenceId: string): Promise<void> {
    const url = this.#workflow.evidence(evidenceId)?.source.url;
    if (url?.startsWith('https://') === true) {
      await vscode.env.openExternal(vscode.Uri.parse(url, true));
      return;
    }
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${evidenceId}.json` });
    await vscode.window.showTextDocument(uri, { preview: true, viewColumn: vscode.ViewColumn.Beside });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const id = uri.path.replace(/^\/|\.json$/g, '');
    const evidence = this.#workflow.evidence(id);
    return evidence === undefined
      ? `{ "problem": "This evidence is of an earlier diagnosis." }\n`
      : `${JSON.stringify(evidence, null, 2)}\n`;
  }

  dispose(): void {
    this.#registration.dispose();
  }
}
