import * as vscode from 'vscode';
import { type Problem, toProblem } from '../problem.ts';
import type { OperationRow, Workflow } from '../workflow/workflow-api.ts';
import { groupBy } from './grouping.ts';
import { readSettings, scopeLabel } from './settings.ts';
import { duration, oneLine, plural, spokenTrend, trend } from './words.ts';

export interface ServiceNode {
  readonly kind: 'service';
  readonly service: string;
  readonly operations: readonly OperationRow[];
}
export interface OperationNode {
  readonly kind: 'operation';
  readonly row: OperationRow;
}
export interface ProblemNode {
  readonly kind: 'problem';
  readonly problem: Problem;
}
export type LatencyNode = ServiceNode | OperationNode | ProblemNode;

/** What the view's welcome text depends on; `rows` and `problem` show nodes instead. */
type LatencyViewState = 'loading' | 'rows' | 'empty' | 'unreachable' | 'unauthorized' | 'problem';

/** A P95 that grew by half is worth a colour. */
const RISING = 1.5;

/** Services, the slowest first, and under each its operations with P95 and trend. */
export class LatencyTree implements vscode.TreeDataProvider<LatencyNode>, vscode.Disposable {
  readonly view: vscode.TreeView<LatencyNode>;
  readonly #workflow: Workflow;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  #loading = new AbortController();
  #nodes: readonly LatencyNode[] | undefined;

  constructor(workflow: Workflow, log: vscode.LogOutputChannel) {
    this.#workflow = workflow;
    this.#log = log;
    this.view = vscode.window.createTreeView('plumbline.latency', { treeDataProvider: this });
  }

  /** Reads anew. What is shown stays until the answer is there; a later call overtakes an earlier one. */
  async refresh(): Promise<void> {
    if (!this.view.visible) {
      this.#loading.abort();
      this.#nodes = undefined;
      this.#changed.fire(undefined);
      return;
    }
    await vscode.window.withProgress({ location: { viewId: 'plumbline.latency' } }, async () => {
      if (await this.#load()) this.#changed.fire(undefined);
    });
  }

  async getChildren(node?: LatencyNode): Promise<LatencyNode[]> {
    if (node === undefined) {
      if (this.#nodes === undefined) await this.#load();
      return [...(this.#nodes ?? [])];
    }
    if (node.kind !== 'service') return [];
    return node.operations.map((row) => ({ kind: 'operation', row }));
  }

  getTreeItem(node: LatencyNode): vscode.TreeItem {
    if (node.kind === 'service') return serviceItem(node);
    if (node.kind === 'operation') return operationItem(node.row);
    return problemItem(node.problem);
  }

  /** True when this load's answer is the one to show. */
  async #load(): Promise<boolean> {
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const settings = readSettings();
    this.view.description = scopeLabel(settings);
    await publish('store', settings.honeycombUrl === null ? 'local' : 'honeycomb');
    if (this.#nodes === undefined) await publish('latency', 'loading');
    const end = Date.now();
    const window = { start: end - settings.lookbackMinutes * 60_000, end };
    try {
      const rows = await this.#workflow.operations(window, loading.signal);
      if (loading.signal.aborted) return false;
      this.#nodes = byService(rows);
      await publish('latency', rows.length === 0 ? 'empty' : 'rows');
    } catch (thrown) {
      if (loading.signal.aborted) return false;
      const problem = toProblem(thrown);
      this.#log.warn(`Latency view: ${problem.message} ${problem.nextStep}`);
      const state = stateOf(problem);
      this.#nodes = state === 'problem' ? [{ kind: 'problem', problem }] : [];
      await publish('latency', state);
    }
    return true;
  }

  dispose(): void {
    this.#loading.abort();
    this.view.dispose();
    this.#changed.dispose();
  }
}

async function publish(
  key: 'latency' | 'store',
  value: LatencyViewState | 'local' | 'honeycomb',
): Promise<void> {
  await vscode.commands.executeCommand('setContext', `plumbline.${key}`, value);
}

function stateOf(problem: Problem): LatencyViewState {
  switch (problem.code) {
    case 'unauthorized':
    case 'forbidden':
      return 'unauthorized';
    case 'unreachable':
      return 'unreachable';
    case 'empty':
      return 'empty';
    default:
      return 'problem';
  }
}

function byService(rows: readonly OperationRow[]): readonly ServiceNode[] {
  const services = groupBy(rows, (row) => row.service);
  return [...services]
    .map(([service, operations]): ServiceNode => {
      return { kind: 'service', service, operations: operations.toSorted((a, b) => b.p95 - a.p95) };
    })
    .sort((a, b) => slowest(b).p95 - slowest(a).p95);
}

function slowest(node: ServiceNode): OperationRow {
  const [first] = node.operations;
  if (first === undefined) throw new Error('A service without operations is never listed.');
  return first;
}

function serviceItem(node: ServiceNode): vscode.TreeItem {
  const worst = slowest(node);
  const item = new vscode.TreeItem(oneLine(node.service), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `service/${node.service}`;
  item.contextValue = 'service';
  item.description = `${plural(node.operations.length, 'operation')}, slowest P95 ${duration(worst.p95)}`;
  item.iconPath = new vscode.ThemeIcon('server-process');
  item.tooltip = `${oneLine(node.service)}\n${plural(
    node.operations.reduce((sum, row) => sum + row.count, 0),
    'span',
  )} in ${plural(node.operations.length, 'operation')}\nSlowest: ${oneLine(worst.operation)}, P95 ${duration(worst.p95)}`;
  item.accessibilityInformation = { label: `Service ${oneLine(node.service)}, ${item.description}` };
  return item;
}

function operationItem(row: OperationRow): vscode.TreeItem {
  const item = new vscode.TreeItem(oneLine(row.operation));
  const rising = row.trend !== null && row.trend >= RISING;
  item.id = `operation/${row.service}/${row.operation}`;
  item.contextValue = 'operation';
  item.description = `P95 ${duration(row.p95)} ${trend(row.trend)}`.trim();
  item.iconPath = rising
    ? new vscode.ThemeIcon('arrow-up', new vscode.ThemeColor('charts.red'))
    : new vscode.ThemeIcon('circle-small-filled', new vscode.ThemeColor('descriptionForeground'));
  const share = row.count === 0 ? 0 : (row.errors / row.count) * 100;
  item.tooltip = [
    `${oneLine(row.operation)} (${oneLine(row.service)})`,
    `P95 ${duration(row.p95)}, ${spokenTrend(row.trend)} over the window`,
    `${plural(row.count, 'span')}, ${plural(row.errors, 'error')}${row.errors > 0 ? ` (${share.toFixed(1)} %)` : ''}`,
  ].join('\n');
  item.accessibilityInformation = {
    label: `Operation ${oneLine(row.operation)}, P95 ${duration(row.p95)}, ${spokenTrend(row.trend)}`,
  };
  return item;
}

function problemItem(problem: Problem): vscode.TreeItem {
  const item = new vscode.TreeItem(oneLine(problem.message));
  item.id = 'problem';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.description = oneLine(problem.nextStep);
  item.tooltip = `${problem.message}\n${problem.nextStep}`;
  item.command = { command: 'plumbline.showLog', title: 'Show Log' };
  item.accessibilityInformation = { label: `Problem: ${problem.message} ${problem.nextStep}` };
  return item;
}
