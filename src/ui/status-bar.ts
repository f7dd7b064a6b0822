import * as vscode from 'vscode';
import type { PanelState } from '../workflow/messages.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
import { plural } from './words.ts';

/** Says something only when there is something: a run that goes on, or proposals that wait for a person. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('plumbline.status', vscode.StatusBarAlignment.Left, 0);
  readonly #subscription: { dispose(): void };

  constructor(workflow: Workflow) {
    this.#item.name = 'Plumbline';
    this.#item.command = 'plumbline.showPanel';
    this.#subscription = workflow.onDidChange((state) => this.#show(state));
    this.#show(workflow.state);
  }

  #show(state: PanelState): void {
    const running = state.progress ?? state.proposals.find((p) => p.progress !== null)?.progress;
    const waiting = state.proposals.filter((p) => p.state === 'proposed' || p.state === 'previewed').length;
    void vscode.commands.executeCommand('setContext', 'plumbline.hasProposals', state.proposals.length > 0);
    if (running) {
      this.#item.text = '$(sync~spin) Plumbline';
      this.#item.tooltip = running.label;
    } else if (waiting > 0) {
      this.#item.text = `$(diff) ${plural(waiting, 'proposal')}`;
      this.#item.tooltip = 'Plumbline: a change waits for your decision';
    } else {
      this.#item.hide();
      return;
    }
    this.#item.accessibilityInformation = { label: String(this.#item.tooltip) };
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }
}
