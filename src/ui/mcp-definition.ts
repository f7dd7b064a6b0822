import * as vscode from 'vscode';
import { Problem } from '../problem.ts';
import { isLoopback } from './addresses.ts';
import { chooseKey } from './honeycomb-key.ts';
import type { Secrets } from './secrets.ts';
import { onSettingsChanged, readSettings } from './settings.ts';

export interface McpServerLaunch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Offers Plumbline's MCP server to the models in VS Code. The key joins only when the server is started. */
export class McpDefinitions
  implements vscode.McpServerDefinitionProvider<vscode.McpStdioServerDefinition>, vscode.Disposable
{
  readonly #context: vscode.ExtensionContext;
  readonly #secrets: Secrets;
  readonly #collectorUrl: (signal: AbortSignal) => Promise<string>;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeMcpServerDefinitions = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    context: vscode.ExtensionContext,
    secrets: Secrets,
    collectorUrl: (signal: AbortSignal) => Promise<string>,
  ) {
    this.#context = context;
    this.#secrets = secrets;
    this.#collectorUrl = collectorUrl;
    const changed = () => this.#changed.fire();
    this.#subscriptions = [
      this.#changed,
      onSettingsChanged(changed),
      secrets.onDidChange(changed),
      vscode.workspace.onDidChangeWorkspaceFolders(changed),
      vscode.workspace.onDidGrantWorkspaceTrust(changed),
      vscode.lm.registerMcpServerDefinitionProvider('plumbline', this),
    ];
  }

  /** Called eagerly and often: reads settings only. */
  provideMcpServerDefinitions(): vscode.McpStdioServerDefinition[] {
    const { command, args, env } = this.launch();
    const version = String(this.#context.extension.packageJSON.version);
    return [new vscode.McpStdioServerDefinition('Plumbline', command, [...args], { ...env }, version)];
  }

  /** Called when the server is about to start: now the collector may be started and the key be read. */
  async resolveMcpServerDefinition(
    definition: vscode.McpStdioServerDefinition,
    token: vscode.CancellationToken,
  ): Promise<vscode.McpStdioServerDefinition> {
    const cancelled = new AbortController();
    const subscription = token.onCancellationRequested(() => cancelled.abort());
    try {
      const { honeycombUrl } = readSettings();
      const url = honeycombUrl ?? (await this.#collectorUrl(cancelled.signal));
      definition.env['PLUMBLINE_HONEYCOMB_URL'] = url;
      const key = isLoopback(url) ? undefined : await this.#keyFor(url);
      if (key !== undefined) definition.env['HONEYCOMB_API_KEY'] = key;
      const passphrase = await this.#secrets.get('pulumiPassphrase');
      if (passphrase !== undefined) definition.env['PULUMI_CONFIG_PASSPHRASE'] = passphrase;
      return definition;
    } finally {
      subscription.dispose();
    }
  }

  /** The key for this very host; without one the server starts all the same, and its tools say what is missing. */
  async #keyFor(url: string): Promise<string | undefined> {
    try {
      const choice = chooseKey(url, await this.#secrets.storedKey(), this.#secrets.environment);
      return 'use' in choice ? choice.use : undefined;
    } catch (thrown) {
      if (thrown instanceof Problem) return undefined;
      throw thrown;
    }
  }

  /** How the server is started, without secrets; what other clients' configuration is made of, too. */
  launch(): McpServerLaunch {
    const settings = readSettings();
    const folders = (vscode.workspace.workspaceFolders ?? [])
      .filter((folder) => folder.uri.scheme === 'file')
      .map((folder) => folder.uri.fsPath);
    const optional = {
      PLUMBLINE_HONEYCOMB_URL: settings.honeycombUrl ?? undefined,
      PLUMBLINE_DATASET: settings.dataset,
      PLUMBLINE_LOOKBACK_MINUTES: String(settings.lookbackMinutes),
      PLUMBLINE_PULUMI_PATH: settings.pulumiPath,
      PLUMBLINE_PULUMI_STACK: settings.pulumiStack,
      PULUMI_BACKEND_URL: settings.pulumiBackendUrl,
      AWS_REGION: settings.awsRegion,
      AWS_PROFILE: settings.awsProfile,
    };
    const env: Record<string, string> = {
      // VS Code's own executable is Node once it is told so; elsewhere the variable means nothing.
      ELECTRON_RUN_AS_NODE: '1',
      PLUMBLINE_STATE_DIR: this.#context.globalStorageUri.fsPath,
      // The files of a folder that is not trusted are not handed on.
      PLUMBLINE_WORKSPACE: JSON.stringify(vscode.workspace.isTrusted ? folders : []),
    };
    for (const [name, value] of Object.entries(optional)) if (value !== undefined) env[name] = value;
    return {
      command: process.execPath,
      args: [vscode.Uri.joinPath(this.#context.extensionUri, 'dist', 'mcp.cjs').fsPath],
      env,
    };
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** Configuration text for clients other than VS Code, by the shape that each reads. No secrets: those stay in its environment. */
export function clientConfiguration(
  client: 'vscode' | 'others',
  { command, args, env }: McpServerLaunch,
): string {
  const server = { command, args, env };
  const value =
    client === 'vscode'
      ? { servers: { plumbline: { type: 'stdio', ...server } } }
      : { mcpServers: { plumbline: server } };
  return `${JSON.stringify(value, null, 2)}\n`;
}
