import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { PanelCommand, PanelMessage } from '../../workflow/messages.ts';
import type { Workflow } from '../../workflow/workflow-api.ts';
import { panelHtml } from './panel-html.ts';

/** What a person clicks in the panel; the handshake is not their doing. */
export type PanelAction = Exclude<PanelCommand, { type: 'ready' }>;

export const PANEL_TYPE = 'plumbline.panel';

/** At most this many states a second reach the webview: progress can come in bursts. */
const STATE_INTERVAL_MS = 100;

/** The one panel of the window: hands the workflow's state in, takes commands out. */
export class Panel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #workflow: Workflow;
  readonly #run: (command: PanelAction) => Promise<void>;
  readonly #subscriptions: vscode.Disposable[] = [];
  #panel: vscode.WebviewPanel | undefined;
  #ready = false;
  #pending: NodeJS.Timeout | undefined;

  constructor(extensionUri: vscode.Uri, workflow: Workflow, run: (command: PanelAction) => Promise<void>) {
    this.#extensionUri = extensionUri;
    this.#workflow = workflow;
    this.#run = run;
    this.#subscriptions.push(
      vscode.window.registerWebviewPanelSerializer(PANEL_TYPE, this),
      workflow.onDidChange(() => this.#schedule()),
    );
  }

  get visible(): boolean {
    return this.#panel?.visible === true;
  }

  show(): void {
    if (this.#panel !== undefined) {
      this.#panel.reveal(undefined, false);
      return;
    }
    this.#attach(
      vscode.window.createWebviewPanel(PANEL_TYPE, 'Plumbline', vscode.ViewColumn.Active, this.#options()),
    );
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    panel.webview.options = this.#options();
    this.#panel?.dispose();
    this.#attach(panel);
  }

  #options(): vscode.WebviewOptions & vscode.WebviewPanelOptions {
    return {
      enableScripts: true,
      enableFindWidget: true,
      localResourceRoots: [vscode.Uri.joinPath(this.#extensionUri, 'dist')],
    };
  }

  #attach(panel: vscode.WebviewPanel): void {
    this.#panel = panel;
    this.#ready = false;
    const { webview } = panel;
    const dist = (file: string) =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.#extensionUri, 'dist', file)).toString();
    panel.iconPath = {
      light: vscode.Uri.joinPath(this.#extensionUri, 'media', 'panel-light.svg'),
      dark: vscode.Uri.joinPath(this.#extensionUri, 'media', 'panel-dark.svg'),
    };
    webview.onDidReceiveMessage((message: unknown) => this.#receive(message));
    panel.onDidDispose(() => {
      if (this.#panel === panel) this.#panel = undefined;
    });
    webview.html = panelHtml({
      script: dist('webview.js'),
      style: dist('webview.css'),
      source: webview.cspSource,
      nonce: randomBytes(16).toString('base64'),
    });
  }

  #receive(message: unknown): void {
    const command = parseCommand(message);
    if (command === undefined) return;
    if (command.type === 'ready') {
      this.#ready = true;
      this.#post();
    } else {
      void this.#run(command);
    }
  }

  #schedule(): void {
    this.#pending ??= setTimeout(() => this.#post(), STATE_INTERVAL_MS);
  }

  #post(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    if (this.#panel === undefined || !this.#ready) return;
    const message: PanelMessage = { type: 'state', state: this.#workflow.state };
    void this.#panel.webview.postMessage(message);
  }

  dispose(): void {
    clearTimeout(this.#pending);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#panel?.dispose();
  }
}

/** Fields that each command carries beside its type; what does not fit is no command. */
const fields: { readonly [T in PanelCommand['type']]: readonly string[] } = {
  ready: [],
  diagnose: [],
  cancel: [],
  openDiff: ['proposalId'],
  confirm: ['proposalId'],
  verify: ['proposalId'],
  discard: ['proposalId'],
  rollBack: ['proposalId'],
  openResource: ['urn'],
  openEvidence: ['evidenceId'],
  openSettings: [],
};

/** A message from the webview as a command, or undefined when it is not one. */
export function parseCommand(message: unknown): PanelCommand | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(fields, type)) return undefined;
  const wanted = fields[type as PanelCommand['type']];
  const fits = wanted.every((name) => typeof (message as Record<string, unknown>)[name] === 'string');
  return fits ? (message as PanelCommand) : undefined;
}
