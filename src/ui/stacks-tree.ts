import * as vscode from 'vscode';
import type { StackRef, StackResource, StackUpdate } from '../infrastructure/model.ts';
import { type Problem, toProblem } from '../problem.ts';
import type { Workflow } from '../workflow/workflow-api.ts';
import { groupBy } from './grouping.ts';
import { ago, oneLine, plural } from './words.ts';

export interface StackNode {
  readonly kind: 'stack';
  readonly stack: StackRef;
  readonly lastUpdate: StackUpdate | undefined;
}
export interface TypeNode {
  readonly kind: 'type';
  readonly stack: StackRef;
  readonly type: string;
  readonly resources: readonly StackResource[];
}
export interface ResourceNode {
  readonly kind: 'resource';
  readonly stack: StackRef;
  readonly resource: StackResource;
}
export interface StackProblemNode {
  readonly kind: 'problem';
  readonly under: string;
  readonly problem: Problem;
}
export type StacksNode = StackNode | TypeNode | ResourceNode | StackProblemNode;

type StacksViewState =
  | 'loading'
  | 'rows'
  | 'no-project'
  | 'no-cli'
  | 'no-stack'
  | 'passphrase'
  | 'unauthorized'
  | 'untrusted'
  | 'problem';

/** Stacks of the workspace's Pulumi projects, their resources by type, each with its source a click away. */
export class StacksTree implements vscode.TreeDataProvider<StacksNode>, vscode.Disposable {
  readonly view: vscode.TreeView<StacksNode>;
  readonly #workflow: Workflow;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new vscode.EventEmitter<StacksNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #loading = new AbortController();

  constructor(workflow: Workflow, log: vscode.LogOutputChannel) {
    this.#workflow = workflow;
    this.#log = log;
    this.view = vscode.window.createTreeView('plumbline.stacks', {
      treeDataProvider: this,
      showCollapseAll: true,
    });
  }

  refresh(): void {
    this.#loading.abort();
    this.#loading = new AbortController();
    this.#changed.fire(undefined);
  }

  async getChildren(node?: StacksNode): Promise<StacksNode[]> {
    const { signal } = this.#loading;
    try {
      if (node === undefined) return await this.#stacks(signal);
      if (node.kind === 'stack') return await this.#types(node.stack, signal);
    } catch (thrown) {
      if (signal.aborted) return [];
      return await this.#failed(node, toProblem(thrown));
    }
    if (node.kind !== 'type') return [];
    return node.resources.map((resource) => ({ kind: 'resource', stack: node.stack, resource }));
  }

  getTreeItem(node: StacksNode): vscode.TreeItem {
    switch (node.kind) {
      case 'stack':
        return stackItem(node);
      case 'type':
        return typeItem(node);
      case 'resource':
        return resourceItem(node);
      case 'problem':
        return problemItem(node);
    }
  }

  async #stacks(signal: AbortSignal): Promise<StacksNode[]> {
    if (!vscode.workspace.isTrusted) {
      await publish('untrusted');
      return [];
    }
    const projects = await vscode.workspace.findFiles('**/Pulumi.{yaml,yml}', '**/node_modules/**', 1);
    if (projects.length === 0) {
      await publish('no-project');
      return [];
    }
    await publish('loading');
    const stacks = await this.#workflow.stacks(signal);
    const nodes = await Promise.all(
      stacks.map(async (stack): Promise<StackNode> => {
        return { kind: 'stack', stack, lastUpdate: await this.#lastUpdate(stack, signal) };
      }),
    );
    if (!signal.aborted) await publish(nodes.length === 0 ? 'no-stack' : 'rows');
    return nodes;
  }

  async #types(stack: StackRef, signal: AbortSignal): Promise<TypeNode[]> {
    const { resources } = await this.#workflow.snapshot(stack, signal);
    // The stack itself and its providers are there in every state and hold nothing to look at.
    const shown = resources.filter(
      (r) => r.type !== 'pulumi:pulumi:Stack' && !r.type.startsWith('pulumi:providers:'),
    );
    return [...groupBy(shown, (r) => r.type)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([type, ofType]): TypeNode => {
        return {
          kind: 'type',
          stack,
          type,
          resources: ofType.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        };
      });
  }

  /** History is a nicety here: without it the stack is still worth showing, and the log says why it is missing. */
  async #lastUpdate(stack: StackRef, signal: AbortSignal): Promise<StackUpdate | undefined> {
    try {
      const [last] = await this.#workflow.updates(stack, signal);
      return last;
    } catch (thrown) {
      if (!signal.aborted) this.#log.warn(`History of ${oneLine(stack.fqn)}: ${toProblem(thrown).message}`);
      return undefined;
    }
  }

  async #failed(node: StackNode | undefined | StacksNode, problem: Problem): Promise<StacksNode[]> {
    this.#log.warn(`Stacks view: ${problem.message} ${problem.nextStep}`);
    const state = stateOf(problem);
    if (node === undefined) {
      await publish(state);
      if (state !== 'problem') return [];
    }
    const under = node?.kind === 'stack' ? node.stack.fqn : 'root';
    return [{ kind: 'problem', under, problem }];
  }

  dispose(): void {
    this.#loading.abort();
    this.view.dispose();
    this.#changed.dispose();
  }
}

async function publish(state: StacksViewState): Promise<void> {
  await vscode.commands.executeCommand('setContext', 'plumbline.stacks', state);
}

function stateOf(problem: Problem): StacksViewState {
  switch (problem.code) {
    case 'pulumi-missing':
      return 'no-cli';
    case 'no-stack':
      return 'no-stack';
    case 'not-found':
      return 'no-project';
    case 'unauthorized':
    case 'forbidden':
      return /passphrase|secrets of/i.test(problem.message) ? 'passphrase' : 'unauthorized';
    default:
      return 'problem';
  }
}

function stackItem({ stack, lastUpdate }: StackNode): vscode.TreeItem {
  const item = new vscode.TreeItem(oneLine(stack.name), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `stack/${stack.backend}/${stack.fqn}`;
  item.contextValue = 'stack';
  item.iconPath = new vscode.ThemeIcon('layers');
  const updated = lastUpdate === undefined ? 'never updated' : updateWords(lastUpdate);
  item.description = `${oneLine(stack.project)} · ${updated}`;
  item.tooltip = [
    oneLine(stack.fqn),
    `Backend: ${oneLine(stack.backend)}`,
    `Project: ${stack.projectDir}`,
    lastUpdate === undefined
      ? ''
      : `${updated}${lastUpdate.message ? `: ${oneLine(lastUpdate.message)}` : ''}`,
  ]
    .filter(Boolean)
    .join('\n');
  item.accessibilityInformation = {
    label: `Stack ${oneLine(stack.name)} of ${oneLine(stack.project)}, ${updated}`,
  };
  return item;
}

function updateWords(update: StackUpdate): string {
  const when = ago(update.end ?? update.start, Date.now());
  if (update.result === 'failed') return `${update.kind} failed ${when}`;
  if (update.result === 'in-progress') return `${update.kind} running`;
  return update.kind === 'update' ? `updated ${when}` : `${update.kind} ${when}`;
}

function typeItem({ stack, type, resources }: TypeNode): vscode.TreeItem {
  const item = new vscode.TreeItem(shortType(type), vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `type/${stack.backend}/${stack.fqn}/${type}`;
  item.description = resources.length === 1 ? oneLine(resources[0]?.name ?? '') : String(resources.length);
  item.iconPath = iconOf(type);
  item.tooltip = `${oneLine(type)}\n${plural(resources.length, 'resource')}`;
  item.accessibilityInformation = { label: `${shortType(type)}, ${plural(resources.length, 'resource')}` };
  return item;
}

function resourceItem({ stack, resource }: ResourceNode): vscode.TreeItem {
  const item = new vscode.TreeItem(oneLine(resource.name));
  item.id = `resource/${stack.backend}/${resource.urn}`;
  const at = resource.source;
  item.contextValue = at === undefined ? 'resource' : 'resourceWithSource';
  item.description = at === undefined ? '' : `${at.file}:${at.line}`;
  item.iconPath = new vscode.ThemeIcon(resource.protect ? 'lock' : 'symbol-field');
  item.tooltip = [
    oneLine(resource.urn, 400),
    resource.id === undefined ? '' : `Id: ${oneLine(resource.id, 400)}`,
    resource.protect ? 'Protected' : '',
    at === undefined ? 'The state does not say where it is declared.' : `Declared at ${at.file}:${at.line}`,
  ]
    .filter(Boolean)
    .join('\n');
  if (at !== undefined) {
    item.command = {
      command: 'plumbline.openResource',
      title: 'Open Source',
      arguments: [{ kind: 'resource', stack, resource }],
    };
  }
  item.accessibilityInformation = {
    label: `Resource ${oneLine(resource.name)}${at === undefined ? '' : `, declared in ${at.file} line ${at.line}`}`,
  };
  return item;
}

function problemItem({ under, problem }: StackProblemNode): vscode.TreeItem {
  const item = new vscode.TreeItem(oneLine(problem.message));
  item.id = `problem/${under}`;
  item.description = oneLine(problem.nextStep);
  item.tooltip = `${problem.message}\n${problem.nextStep}`;
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.command = { command: 'plumbline.showLog', title: 'Show Log' };
  item.accessibilityInformation = { label: `Problem: ${problem.message} ${problem.nextStep}` };
  return item;
}

/** `aws:ecs/taskDefinition:TaskDefinition` → `ecs TaskDefinition`; what does not look like a token stays as it is. */
export function shortType(token: string): string {
  const match = /^([^:]+):([^:/]*)(?:\/[^:]*)?:(.+)$/.exec(token);
  if (match === null) return oneLine(token);
  const [, provider, module, name] = match;
  return oneLine(`${module === '' || module === 'index' ? provider : module} ${name}`);
}

const icons: readonly (readonly [RegExp, string])[] = [
  [/:ecs\/task|:ecs\/service|:lambda\//i, 'server-process'],
  [/:ecs\/|:ec2\/instance|:eks\//i, 'server'],
  [/:iam\//i, 'shield'],
  [/:(lb|alb|elasticloadbalancingv2|apigateway)/i, 'globe'],
  [/:(rds|dynamodb|opensearch|elasticache)\//i, 'database'],
  [/:s3\//i, 'archive'],
  [/:cloudwatch\//i, 'output'],
  [/:ec2\/(vpc|subnet|securityGroup|route)/i, 'type-hierarchy'],
];

function iconOf(type: string): vscode.ThemeIcon {
  return new vscode.ThemeIcon(icons.find(([pattern]) => pattern.test(type))?.[1] ?? 'symbol-misc');
}
