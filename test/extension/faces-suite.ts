import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { TestHandle, TestParts } from '../../src/extension.ts';
import type { Prompts } from '../../src/ui/prompts.ts';
import { preview, proposed } from '../webview/fixture.ts';
import { FakeWorkflow } from './fake-workflow.ts';
import { runTests, type Tests, until } from './harness.ts';

/** The faces over a workflow that only notes what it is asked. */

const BEFORE = 'export const cpu = "512";\nexport const memory = "1024";\n';
const AFTER = 'export const cpu = "1024";\nexport const memory = "2048";\n';

const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
const file = join(folder, 'index.ts');
const workflow = new FakeWorkflow(folder, [
  { file: 'index.ts', absolutePath: file, before: BEFORE, after: AFTER },
]);

/** What the person is made to answer, and what was asked of them. */
const answers = { confirm: true, input: undefined as string | undefined };
const asked: { confirms: string[]; inputs: string[]; notes: string[] } = {
  confirms: [],
  inputs: [],
  notes: [],
};

const prompts: Prompts = {
  async confirm({ message, detail }) {
    asked.confirms.push(`${message}\n${detail}`);
    return answers.confirm;
  },
  async input({ title, validate }) {
    asked.inputs.push(title);
    const problem = answers.input === undefined ? undefined : validate?.(answers.input);
    return problem === undefined ? answers.input : undefined;
  },
  async pick(_, [first]) {
    return first;
  },
  async notify(level, message) {
    asked.notes.push(`${level}: ${message}`);
    return undefined;
  },
};

let handle: TestHandle;

const tests: Tests = {
  async 'activates fast and registers every command of the manifest'() {
    const extension = vscode.extensions.getExtension<TestHandle>('plumbline.plumbline');
    assert.ok(extension);
    const parts: TestParts = { workflow, prompts };
    Object.assign(globalThis, { plumblineTestParts: parts });
    handle = await extension.activate();
    assert.ok(handle, 'the test handle is given in test mode');
    const registered = new Set(await vscode.commands.getCommands(true));
    const declared = extension.packageJSON.contributes.commands as { command: string }[];
    assert.deepEqual(
      declared.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  },

  async 'lists services and operations, the slowest first'() {
    workflow.rows = [
      { service: 'quick', operation: 'GET /', count: 10, errors: 0, p95: 12, trend: null },
      { service: 'chatbot', operation: 'retrieve', count: 90, errors: 0, p95: 80, trend: 1 },
      { service: 'chatbot', operation: 'POST /api/chat', count: 90, errors: 3, p95: 640, trend: 2.1 },
    ];
    await handle.latency.refresh();
    const services = await handle.latency.getChildren();
    assert.deepEqual(
      services.map((node) => handle.latency.getTreeItem(node).label),
      ['chatbot', 'quick'],
    );
    const [chatbot] = services;
    const [slowest] = await handle.latency.getChildren(chatbot);
    assert.ok(slowest);
    const item = handle.latency.getTreeItem(slowest);
    assert.equal(item.label, 'POST /api/chat');
    assert.equal(item.description, 'P95 640 ms ↑ 2.1×');
    assert.match(item.accessibilityInformation?.label ?? '', /risen to 2\.1 times/);
    assert.match(String(item.tooltip), /3 errors \(3\.3 %\)/);
  },

  async 'says where it looked when there is nothing'() {
    workflow.rows = [];
    await handle.latency.refresh();
    assert.deepEqual(await handle.latency.getChildren(), []);
    assert.match(handle.latency.view.description ?? '', /last 1 h · all datasets/);
  },

  async 'shows a failure with its next step'() {
    workflow.rows = new Error('Honeycomb is asked too often.');
    await handle.latency.refresh();
    const [node] = await handle.latency.getChildren();
    assert.ok(node);
    const item = handle.latency.getTreeItem(node);
    assert.equal(item.label, 'Honeycomb is asked too often.');
    assert.match(String(item.description), /Try again/);
  },

  async 'lists stacks, types and resources, and opens a resource at its place'() {
    await writeFile(join(folder, 'Pulumi.yaml'), 'name: infra\nruntime: nodejs\n');
    const [stack] = await handle.stacks.getChildren();
    assert.ok(stack);
    assert.match(String(handle.stacks.getTreeItem(stack).description), /updated 5 min ago/);
    const [type] = await handle.stacks.getChildren(stack);
    assert.ok(type);
    assert.equal(handle.stacks.getTreeItem(type).label, 'ecs TaskDefinition');
    const [resource] = await handle.stacks.getChildren(type);
    assert.ok(resource);
    const { command } = handle.stacks.getTreeItem(resource);
    assert.ok(command);
    await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
    const editor = vscode.window.activeTextEditor;
    assert.equal(editor?.document.uri.fsPath, file);
    assert.equal(editor?.selection.active.line, 1);
  },

  async 'will not open a place outside of the project'() {
    const resource = { ...workflow.taskDefinition, source: { file: '../../etc/passwd', line: 1, column: 1 } };
    asked.notes.length = 0;
    const node = { kind: 'resource', stack: workflow.stack, resource };
    await vscode.commands.executeCommand('plumbline.openResource', node);
    assert.match(asked.notes.join('\n'), /outside of the project/);
  },

  async 'diagnoses one operation from the tree and shows the panel'() {
    const row = { service: 'chatbot', operation: 'POST /api/chat', count: 1, errors: 0, p95: 1, trend: null };
    await vscode.commands.executeCommand('plumbline.diagnoseOperation', { kind: 'operation', row });
    assert.equal(await workflow.called('diagnose'), 'diagnose 60 chatbot POST /api/chat');
    await until('the panel is open', () => tab((t) => t.label === 'Plumbline'));
  },

  async 'reviews a proposal in the diff editor'() {
    const { id } = workflow.propose();
    await vscode.commands.executeCommand('plumbline.reviewProposal', id);
    await until('the diff is in front', () => handle.review.inFront() === id);
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(input instanceof vscode.TabInputTextDiff);
    assert.equal(input.original.fsPath, file);
    assert.equal(input.modified.scheme, 'plumbline-proposal');
    const right = await vscode.workspace.openTextDocument(input.modified);
    assert.equal(right.getText(), AFTER);
    assert.equal(right.languageId, 'typescript');
  },

  async 'refuses an approval when the file was changed under the diff'() {
    const id = handle.review.inFront() ?? '';
    const edit = new vscode.WorkspaceEdit();
    edit.insert(vscode.Uri.file(file), new vscode.Position(0, 0), '// by hand\n');
    asked.notes.length = 0;
    await vscode.workspace.applyEdit(edit);
    await until('it is said that the proposal is stale', () => /changed under/.test(asked.notes.join()));
    await vscode.commands.executeCommand('plumbline.approveProposal');
    await until('the approval is refused', () => /not saved/.test(asked.notes.join()));
    assert.ok(!workflow.calls.some((call) => call.startsWith(`approve ${id}`)));
    await vscode.window.showTextDocument(vscode.Uri.file(file));
    await vscode.commands.executeCommand('workbench.action.files.revert');
    await writeFile(file, `${BEFORE}// by another program\n`);
    await vscode.commands.executeCommand('plumbline.reviewProposal', id);
    await until('the diff is in front', () => handle.review.inFront() === id);
    asked.notes.length = 0;
    await vscode.commands.executeCommand('plumbline.approveProposal');
    await until('the approval is refused', () => /no longer holds/.test(asked.notes.join()));
    assert.ok(!workflow.calls.some((call) => call.startsWith(`approve ${id}`)));
    await writeFile(file, BEFORE);
  },

  async 'gives no approval when the diff is not in front'() {
    const { id } = workflow.propose();
    await vscode.window.showTextDocument(vscode.Uri.file(file));
    await until('the file is in front', () => handle.review.inFront() === undefined);
    asked.notes.length = 0;
    await vscode.commands.executeCommand('plumbline.approveProposal');
    await until('it says so', () => /No proposal is open/.test(asked.notes.join()));
    assert.ok(!workflow.calls.some((call) => call.startsWith(`approve ${id}`)));
  },

  async 'approves the very diff that is shown, closes it and previews'() {
    const { id, diffSha256 } = workflow.propose();
    await vscode.commands.executeCommand('plumbline.reviewProposal', id);
    await until('the diff is in front', () => handle.review.inFront() === id);
    await vscode.commands.executeCommand('plumbline.approveProposal');
    assert.equal(await workflow.called('approve'), `approve ${id} ${diffSha256}`);
    assert.equal(await readFile(file, 'utf8'), BEFORE, 'an approval writes nothing');
    await until('the diff is closed', () => handle.review.inFront() === undefined);
  },

  async 'asks again before it applies, with what would happen'() {
    const { id } = workflow.propose({ state: 'previewed', preview });
    answers.confirm = false;
    await clickInPanel('confirm', id);
    assert.ok(!workflow.calls.some((call) => call.startsWith('confirm')), 'a no applies nothing');
    assert.match(asked.confirms.join(), /Replace otel-ai-chatbot-task/);
    assert.match(asked.confirms.join(), /organization\/otel-ai-chatbot-infra\/lab/);
    answers.confirm = true;
    asked.notes.length = 0;
    await clickInPanel('confirm', id);
    assert.equal(await workflow.called('confirm'), `confirm ${id} untyped`);
    await until('the outcome is told', () => /P95 1\.68 s → 602 ms/.test(asked.notes.join()));
  },

  async 'verifies what was applied and not verified'() {
    const { id } = workflow.propose({ state: 'applied', filesStand: true, preview });
    asked.notes.length = 0;
    await handle.panelCommand({ type: 'verify', proposalId: id });
    assert.equal(await workflow.called('verify'), `verify ${id}`);
    await until('the outcome is told', () => /Applied and verified/.test(asked.notes.join()));
  },

  async 'lets a person diagnose while a change is being verified'() {
    const { id } = workflow.propose({ state: 'previewed', preview });
    let end = () => {};
    workflow.holdAfterApplied = new Promise<void>((resolve) => {
      end = resolve;
    });
    asked.notes.length = 0;
    const confirming = clickInPanel('confirm', id);
    await until('it is applied', () => workflow.state.proposals[0]?.state === 'applied');
    workflow.calls.length = 0;
    await vscode.commands.executeCommand('plumbline.diagnose');
    await workflow.called('diagnose');
    assert.doesNotMatch(asked.notes.join(), /busy/);
    end();
    await confirming;
    workflow.holdAfterApplied = undefined;
  },

  async 'asks before an assistant’s program is run'() {
    const { id } = workflow.propose({}, { origin: { by: 'mcp', client: 'a-model' } });
    await vscode.commands.executeCommand('plumbline.reviewProposal', id);
    await until('the diff is in front', () => handle.review.inFront() === id);
    workflow.calls.length = 0;
    asked.confirms.length = 0;
    answers.confirm = false;
    await vscode.commands.executeCommand('plumbline.approveProposal');
    assert.match(asked.confirms.join(), /Run this assistant's program text in a preview\?/);
    assert.ok(!workflow.calls.some((call) => call.startsWith('approve')), 'a no approves nothing');
    assert.equal(handle.review.inFront(), id, 'a no leaves the diff open');
    answers.confirm = true;
    await vscode.commands.executeCommand('plumbline.approveProposal');
    await workflow.called('approve');
  },

  async 'tells two proposals of one title apart in the diff of several files'() {
    const second = join(folder, 'second.ts');
    await writeFile(second, BEFORE);
    workflow.files = [file, second].map((absolutePath, index) => ({
      file: index === 0 ? 'index.ts' : 'second.ts',
      absolutePath,
      before: BEFORE,
      after: AFTER,
    }));
    const one = workflow.propose({}, { id: 'pr_000000000001' });
    const two = { ...one, id: 'pr_000000000002' };
    workflow.set({ proposals: [one, two].map((proposal) => ({ ...proposed, proposal })) });
    await vscode.commands.executeCommand('plumbline.reviewProposal', one.id);
    await until('the first diff is in front', () => handle.review.inFront() === one.id);
    const label = vscode.window.tabGroups.activeTabGroup.activeTab?.label;
    await vscode.commands.executeCommand('plumbline.reviewProposal', two.id);
    await until('the second diff is in front', () => handle.review.inFront() === two.id);
    assert.notEqual(vscode.window.tabGroups.activeTabGroup.activeTab?.label, label);
    workflow.calls.length = 0;
    await vscode.commands.executeCommand('plumbline.approveProposal');
    assert.match(await workflow.called('approve'), /^approve pr_000000000002 /);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    workflow.files = [{ file: 'index.ts', absolutePath: file, before: BEFORE, after: AFTER }];
  },

  async 'shows that a proposal could not be discarded'() {
    const { id } = workflow.propose();
    workflow.rejecting = new Error('The journal cannot be written.');
    asked.notes.length = 0;
    await handle.panelCommand({ type: 'discard', proposalId: id });
    await until('it is said', () => /journal cannot be written/.test(asked.notes.join()));
    workflow.rejecting = undefined;
  },

  async 'wants the name of the stack typed where the preview says so'() {
    const risky = { ...preview, needsTypedConfirmation: true, confirmationReasons: ['Deletes the bucket.'] };
    const { id } = workflow.propose({ state: 'previewed', preview: risky });
    workflow.calls.length = 0;
    answers.input = 'yes';
    await clickInPanel('confirm', id);
    assert.ok(!workflow.calls.some((call) => call.startsWith('confirm')), 'another word applies nothing');
    answers.input = 'lab';
    await clickInPanel('confirm', id);
    assert.equal(await workflow.called('confirm'), `confirm ${id} lab`);
  },

  async 'keeps the key in secret storage, refuses an ingest key, and clears it'() {
    answers.input = 'hcxik_ingest';
    await vscode.commands.executeCommand('plumbline.setHoneycombKey');
    assert.equal(await handle.secrets.get('honeycombKey'), process.env['HONEYCOMB_API_KEY']);
    answers.input = 'hcxlk_test';
    await vscode.commands.executeCommand('plumbline.setHoneycombKey');
    assert.equal(await handle.secrets.get('honeycombKey'), 'hcxlk_test');
    const settings = JSON.stringify(vscode.workspace.getConfiguration('plumbline'));
    assert.ok(!settings.includes('hcxlk_test'));
    await vscode.commands.executeCommand('plumbline.clearHoneycombKey');
    assert.equal(await handle.secrets.get('honeycombKey'), process.env['HONEYCOMB_API_KEY']);
  },

  async 'offers the MCP server, with the key only when it starts'() {
    await handle.secrets.setHoneycombKey({ key: 'hcxlk_test', host: 'api.honeycomb.io' });
    await vscode.workspace
      .getConfiguration('plumbline')
      .update('honeycomb.apiUrl', 'https://api.honeycomb.io', vscode.ConfigurationTarget.Global);
    const [definition] = handle.mcp.provideMcpServerDefinitions();
    assert.ok(definition);
    assert.equal(definition.command, process.execPath);
    assert.match(definition.args[0] ?? '', /dist[\\/]mcp\.cjs$/);
    assert.deepEqual(JSON.parse(String(definition.env['PLUMBLINE_WORKSPACE'])), [folder]);
    assert.ok(!JSON.stringify(definition.env).includes('hcxlk_test'));
    const { token } = new vscode.CancellationTokenSource();
    const resolved = await handle.mcp.resolveMcpServerDefinition(definition, token);
    assert.equal(resolved.env['HONEYCOMB_API_KEY'], 'hcxlk_test');
    await handle.secrets.clear('honeycombKey');
    await vscode.workspace
      .getConfiguration('plumbline')
      .update('honeycomb.apiUrl', undefined, vscode.ConfigurationTarget.Global);
  },

  async 'takes in what an assistant proposed, and says so'() {
    const state = String(handle.mcp.provideMcpServerDefinitions()[0]?.env['PLUMBLINE_STATE_DIR']);
    const { ProposalStore } = await import('../../src/remediation/proposal-store.ts');
    await mkdir(join(state, 'inbox'), { recursive: true });
    const proposal = workflow.propose();
    workflow.set({ proposals: [] });
    asked.notes.length = 0;
    await new ProposalStore(join(state, 'inbox')).put({
      ...proposal,
      origin: { by: 'mcp', client: 'an-assistant' },
      edits: [{ file: 'index.ts', baseSha256: '0'.repeat(64), oldText: '512', newText: '1024' }],
    });
    await until('it was taken in, or refused in words', () => /propos/i.test(asked.notes.join()));
    assert.match(asked.notes.join(), /an-assistant proposed a change/);
  },
};

function tab(matches: (tab: vscode.Tab) => boolean): boolean {
  return vscode.window.tabGroups.all.some((group) => group.tabs.some(matches));
}

/** As if the panel had sent it: the webview's own clicks are tested in a browser. */
async function clickInPanel(type: 'confirm', proposalId: string): Promise<void> {
  await handle.panelCommand({ type, proposalId });
}

export async function run(): Promise<void> {
  await runTests(tests);
}
