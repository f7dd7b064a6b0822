import * as vscode from 'vscode';
import type { Actions } from '../actions.ts';
import type { EvidenceDocuments } from '../evidence-documents.ts';
import type { PanelAction } from './panel.ts';

/** Does what was clicked in the panel; what goes wrong is shown like that of any command. */
export function panelRunner(parts: {
  readonly actions: Actions;
  readonly evidence: EvidenceDocuments;
}): (command: PanelAction) => Promise<void> {
  return (command) => run(command, parts).catch((thrown: unknown) => parts.actions.fail(thrown));
}

async function run(
  command: PanelAction,
  { actions, evidence }: { readonly actions: Actions; readonly evidence: EvidenceDocuments },
): Promise<void> {
  switch (command.type) {
    case 'diagnose':
      return actions.diagnose();
    case 'cancel':
      return actions.cancel();
    case 'openDiff':
      return actions.review(command.proposalId);
    case 'confirm':
      return actions.confirm(command.proposalId);
    case 'verify':
      return actions.verify(command.proposalId);
    case 'discard':
      return actions.discard(command.proposalId);
    case 'rollBack':
      return actions.rollBack(command.proposalId);
    case 'openResource':
      return actions.openResource(command.urn);
    case 'openEvidence':
      return evidence.open(command.evidenceId);
    case 'openSettings':
      await vscode.commands.executeCommand('plumbline.openSettings');
  }
}
