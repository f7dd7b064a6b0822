import * as vscode from 'vscode';
import { Problem } from '../problem.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
import type { Actions } from './actions.ts';
import { keyHost } from './honeycomb-key.ts';
import type { LatencyNode, LatencyTree } from './latency-tree.ts';
import { clientConfiguration, type McpDefinitions } from './mcp-definition.ts';
import type { Panel } from './panel/panel.ts';
import type { Prompts } from './prompts.ts';
import type { Secrets } from './secrets.ts';
import { readSettings } from './settings.ts';
import { openSource } from './source.ts';
import type { StacksNode, StacksTree } from './stacks-tree.ts';

export interface CommandParts {
  readonly workflow: Workflow;
  readonly actions: Actions;
  readonly panel: Panel;
  readonly latency: LatencyTree;
  readonly stacks: StacksTree;
  readonly secrets: Secrets;
  readonly prompts: Prompts;
  readonly mcp: McpDefinitions;
  readonly log: vscode.LogOutputChannel;
  readonly collectorUrl: (signal: AbortSignal) => Promise<string>;
  readonly journal: vscode.Uri;
}

type Handler = (...args: never[]) => void | Promise<void>;

/** Every command of the manifest, in one place. */
export function commandTable(parts: CommandParts): Readonly<Record<string, Handler>> {
  const { actions, panel, latency, stacks, secrets, prompts, log } = parts;
  return {
    'plumbline.diagnose': () => actions.diagnose(),
    'plumbline.diagnoseOperation': (node: LatencyNode) => actions.diagnose(targetOf(node)),
    'plumbline.cancel': () => actions.cancel(),
    'plumbline.showPanel': () => panel.show(),
    'plumbline.refreshLatency': () => latency.refresh(),
    'plumbline.refreshStacks': () => stacks.refresh(),
    'plumbline.openResource': async (node: StacksNode) => {
      if (node.kind === 'resource') await openSource(node.stack, node.resource);
    },
    'plumbline.reviewProposal': (proposalId?: unknown) =>
      actions.review(typeof proposalId === 'string' ? proposalId : undefined),
    'plumbline.approveProposal': () => actions.approve(),
    'plumbline.rejectProposal': () => actions.reject(),
    'plumbline.useLocalCollector': () => setApiUrl('local'),
    'plumbline.useHoneycomb': () => useHoneycomb(parts),
    'plumbline.setHoneycombKey': async () => {
      await askHoneycombKey(parts, readSettings().honeycombUrl);
    },
    'plumbline.clearHoneycombKey': () => secrets.clear('honeycombKey'),
    'plumbline.setPulumiPassphrase': async () => {
      const passphrase = await prompts.input({
        title: 'Pulumi Passphrase',
        prompt: 'Kept in secret storage; handed to the Pulumi CLI as PULUMI_CONFIG_PASSPHRASE.',
        password: true,
      });
      if (passphrase === undefined) return;
      await secrets.set('pulumiPassphrase', passphrase);
      stacks.refresh();
    },
    'plumbline.clearPulumiPassphrase': () => secrets.clear('pulumiPassphrase'),
    'plumbline.copyOtlpSettings': () => copyOtlpSettings(parts),
    'plumbline.copyMcpConfiguration': () => copyMcpConfiguration(parts),
    'plumbline.installPulumi': async () => {
      await vscode.env.openExternal(vscode.Uri.parse('https://www.pulumi.com/docs/install/'));
    },
    'plumbline.showJournal': () => showJournal(parts),
    'plumbline.showLog': () => log.show(),
    'plumbline.openSettings': async () => {
      await vscode.commands.executeCommand('workbench.action.openSettings', '@ext:plumbline.plumbline');
    },
  };
}

/** Registers the table; whatever a handler throws is shown to the person with its next step. */
export function registerCommands(parts: CommandParts): vscode.Disposable {
  const registrations = Object.entries(commandTable(parts)).map(([id, handler]) =>
    vscode.commands.registerCommand(id, async (...args: unknown[]) => {
      try {
        await handler(...(args as never[]));
      } catch (thrown) {
        void parts.actions.fail(thrown);
      }
    }),
  );
  return vscode.Disposable.from(...registrations);
}

function targetOf(node: LatencyNode): { service?: string; operation?: string } {
  switch (node.kind) {
    case 'service':
      return { service: node.service };
    case 'operation':
      return { service: node.row.service, operation: node.row.operation };
    case 'problem':
      return {};
  }
}

async function useHoneycomb(parts: CommandParts): Promise<void> {
  const region = await parts.prompts.pick('Use Honeycomb: which region?', [
    { label: 'US', description: 'api.honeycomb.io', url: 'https://api.honeycomb.io' },
    { label: 'EU', description: 'api.eu1.honeycomb.io', url: 'https://api.eu1.honeycomb.io' },
  ]);
  if (region === undefined) return;
  const known = (await parts.secrets.get('honeycombKey')) !== undefined;
  if (!known && !(await askHoneycombKey(parts, region.url))) return;
  await setApiUrl(region.url);
}

/** In the workspace where there is one: which store to ask is a matter of the project. */
async function setApiUrl(value: string): Promise<void> {
  const target =
    vscode.workspace.workspaceFolders === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await vscode.workspace.getConfiguration('plumbline').update('honeycomb.apiUrl', value, target);
}

/** Asks for the key of the store at the given address, and keeps it for that host alone. */
async function askHoneycombKey({ prompts, secrets }: CommandParts, url: string | null): Promise<boolean> {
  const key = await prompts.input({
    title: 'Honeycomb API Key',
    prompt:
      'A configuration key that may run queries. It is kept in secret storage and sent to one host alone.',
    placeHolder: 'hcxlk_…',
    password: true,
    validate: (value) => {
      if (value.trim() === '') return 'Paste the key.';
      if (/^hcxik_/.test(value))
        return 'This is an ingest key, which cannot run queries. Use a configuration key.';
      return /\s/.test(value.trim()) ? 'A key has no spaces in it.' : undefined;
    },
  });
  if (key === undefined) return false;
  await secrets.setHoneycombKey({ key: key.trim(), host: keyHost(url) });
  return true;
}

async function copyOtlpSettings({ collectorUrl, prompts }: CommandParts): Promise<void> {
  const { honeycombUrl } = readSettings();
  const url = honeycombUrl ?? (await collectorUrl(AbortSignal.timeout(30_000)));
  const lines = [
    `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`,
    'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    ...(honeycombUrl === null ? [] : ['OTEL_EXPORTER_OTLP_HEADERS=x-honeycomb-team=YOUR_INGEST_KEY']),
  ];
  await vscode.env.clipboard.writeText(`${lines.join('\n')}\n`);
  void prompts.notify(
    'info',
    `Copied: set these in your service's environment so that its spans go to ${url}.`,
  );
}

async function copyMcpConfiguration({ mcp, prompts, collectorUrl }: CommandParts): Promise<void> {
  const client = await prompts.pick('Copy MCP Server Configuration for…', [
    {
      label: 'VS Code',
      description: '.vscode/mcp.json (not needed in this window)',
      shape: 'vscode' as const,
    },
    { label: 'Claude Code, Claude Desktop', description: '.mcp.json', shape: 'others' as const },
    { label: 'Cursor', description: '.cursor/mcp.json', shape: 'others' as const },
    { label: 'Kiro', description: '.kiro/settings/mcp.json', shape: 'others' as const },
  ]);
  if (client === undefined) return;
  const launch = mcp.launch();
  const url = readSettings().honeycombUrl ?? (await collectorUrl(AbortSignal.timeout(30_000)));
  const env = { ...launch.env, PLUMBLINE_HONEYCOMB_URL: url };
  await vscode.env.clipboard.writeText(clientConfiguration(client.shape, { ...launch, env }));
  void prompts.notify(
    'info',
    'Copied. It holds no key: for Honeycomb set HONEYCOMB_API_KEY where that client runs.',
  );
}

async function showJournal({ journal }: CommandParts): Promise<void> {
  try {
    await vscode.workspace.fs.stat(journal);
  } catch (cause) {
    throw new Problem(
      'empty',
      'The journal is empty: nothing was approved or applied here yet.',
      'Review a proposal first.',
      {
        cause,
      },
    );
  }
  await vscode.window.showTextDocument(journal, { preview: true });
}
