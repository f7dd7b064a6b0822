import * as vscode from 'vscode';
import { toProblem } from './problem.ts';
import { Actions } from './ui/actions.ts';
import { keepFresh } from './ui/auto-refresh.ts';
import { registerCommands } from './ui/command-table.ts';
import { EvidenceDocuments } from './ui/evidence-documents.ts';
import { Inbox } from './ui/inbox.ts';
import { LatencyTree } from './ui/latency-tree.ts';
import { McpDefinitions } from './ui/mcp-definition.ts';
import { Panel, type PanelAction } from './ui/panel/panel.ts';
import { panelRunner } from './ui/panel/panel-commands.ts';
import { workflowPorts } from './ui/ports.ts';
import { type Prompts, windowPrompts } from './ui/prompts.ts';
import { Review } from './ui/review/review.ts';
import { Secrets } from './ui/secrets.ts';
import { onSettingsChanged } from './ui/settings.ts';
import { StacksTree } from './ui/stacks-tree.ts';
import { Standings } from './ui/standings.ts';
import { StatusBar } from './ui/status-bar.ts';
import { TelemetryConnection } from './ui/telemetry-connection.ts';
import { createWorkflow } from './workflow/workflow.ts';
import type { Workflow } from './workflow/workflow-api.ts';

/** What the suites inside of VS Code get from `activate`; nobody else does. */
export interface TestHandle {
  readonly workflow: Workflow;
  readonly secrets: Secrets;
  readonly review: Review;
  readonly mcp: McpDefinitions;
  readonly latency: LatencyTree;
  readonly stacks: StacksTree;
  readonly panelCommand: (command: PanelAction) => Promise<void>;
}

/** Parts that suites put in the place of the real ones, by a global that only test mode looks at. */
export interface TestParts {
  readonly workflow?: Workflow;
  readonly prompts?: Prompts;
}

let shutDown: () => Promise<void> = async () => {};

/** The composition root: builds the parts, hands each what it needs, registers them. Loads nothing heavy. */
export async function activate(context: vscode.ExtensionContext): Promise<TestHandle | undefined> {
  const testing = context.extensionMode === vscode.ExtensionMode.Test;
  const replaced = testing ? testParts() : {};
  const own = <T extends vscode.Disposable>(part: T): T => {
    context.subscriptions.push(part);
    return part;
  };
  const state = context.globalStorageUri;
  const at = (...path: string[]) => vscode.Uri.joinPath(state, ...path);
  await vscode.workspace.fs.createDirectory(state);

  const log = own(vscode.window.createOutputChannel('Plumbline', { log: true }));
  const prompts = replaced.prompts ?? windowPrompts;
  const secrets = own(new Secrets(context.secrets));
  const telemetry = new TelemetryConnection({
    secrets,
    prompts,
    script: vscode.Uri.joinPath(context.extensionUri, 'dist', 'collector.cjs').fsPath,
    dataDirectory: at('collector').fsPath,
    log,
  });
  const journal = at('journal.jsonl');
  const ports = workflowPorts({ telemetry, secrets, prompts, log, journal: journal.fsPath });
  const workflow: Workflow = own(replaced.workflow ?? createWorkflow(ports));
  shutDown = async () => {
    await Promise.all([telemetry.dispose(), ports.dispose()]);
  };

  const review = own(new Review(workflow));
  const latency = own(new LatencyTree(workflow, log));
  const stacks = own(new StacksTree(workflow, log));
  const evidence = own(new EvidenceDocuments(workflow));
  const actions: Actions = own(new Actions({ workflow, review, panel: () => panel, prompts, log }));
  const panelCommand = panelRunner({ actions, evidence });
  const panel: Panel = own(new Panel(context.extensionUri, workflow, panelCommand));
  const collectorUrl = (signal: AbortSignal) => telemetry.collectorUrl(signal);
  const mcp = own(new McpDefinitions(context, secrets, collectorUrl));
  const inbox = own(
    new Inbox({
      workflow,
      prompts,
      log,
      review: (id) => actions.review(id),
      standings: at('standings').fsPath,
    }),
  );
  own(new StatusBar(workflow));
  own(new Standings(workflow, at('standings').fsPath, log));
  own(keepFresh(latency));
  own(
    registerCommands({
      workflow,
      actions,
      panel,
      latency,
      stacks,
      secrets,
      prompts,
      mcp,
      log,
      collectorUrl,
      journal,
    }),
  );

  const reconnect = () => {
    telemetry.forget();
    void latency.refresh();
  };
  own(onSettingsChanged(reconnect, 'honeycomb', 'collector', 'diagnosis.lookbackMinutes'));
  own(onSettingsChanged(() => stacks.refresh(), 'pulumi'));
  own(secrets.onDidChange((name) => (name === 'honeycombKey' ? reconnect() : stacks.refresh())));
  const watchInbox = () => {
    inbox.watch(at('inbox').fsPath).catch((thrown) => log.warn(`Inbox: ${toProblem(thrown).message}`));
  };
  own(
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      stacks.refresh();
      watchInbox();
    }),
  );
  own(onApplied(workflow, () => stacks.refresh()));
  own(
    review.onDidBecomeStale(({ proposal }) => {
      void prompts.notify(
        'warning',
        `A file changed under the proposal “${proposal.title}”. It can't be approved as it is; diagnose again.`,
      );
    }),
  );

  // After activation has returned: what can wait, waits.
  setImmediate(() => {
    void secrets.publish('honeycombKey');
    void secrets.publish('pulumiPassphrase');
    if (vscode.workspace.isTrusted) watchInbox();
  });
  return testing ? { workflow, secrets, review, mcp, latency, stacks, panelCommand } : undefined;
}

/** Calls back each time a change was applied: what the Stacks view shows is then old. */
function onApplied(workflow: Workflow, then: () => void): { dispose(): void } {
  let applied = 0;
  return workflow.onDidChange(({ proposals }) => {
    const now = proposals.filter(({ state }) => state === 'applied' || state === 'verified').length;
    if (now > applied) then();
    applied = now;
  });
}

export async function deactivate(): Promise<void> {
  await shutDown();
}

function testParts(): TestParts {
  return (globalThis as { plumblineTestParts?: TestParts }).plumblineTestParts ?? {};
}
