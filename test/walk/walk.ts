/**
 * The whole path as a person walks it: a browser on a real VS Code with the packed extension, the lab's real stack
 * behind it. `npm run walk [-- --shots DIR]` keeps a picture of each step in dark and light.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Editor, startEditor } from '../../lab/editor.ts';
import { type Lab, startLab } from '../../lab/lab.ts';
import { readToolchain, type Toolchain } from '../../lab/setup/toolchain.mjs';
import { packExtension } from '../package/vsix.ts';
import { failed, passed, type StageResult, skipped, total } from '../stage.ts';
import { proposeMoreMemory } from './assistant.ts';
import { Workbench } from './browser.ts';

/** A step that fails ends the walk: what follows would only fail because of it. */
class Steps {
  readonly #results: StageResult[] = [];
  readonly #workbench: Workbench;

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  async step(name: string, shot: string, act: () => Promise<void>): Promise<void> {
    const began = Date.now();
    try {
      await act();
      await this.#workbench.shot(shot);
      this.#results.push(passed(1));
      console.error(`   ${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${name}`);
    } catch (error) {
      await this.#workbench.shot(`${shot}-failed`).catch(() => {});
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#results.push(failed(`walk: ${name}`, detail));
      throw new WalkEnded();
    }
  }

  get result(): StageResult {
    return total(this.#results);
  }
}

class WalkEnded extends Error {}

export async function walk(shots: string | undefined, signal: AbortSignal): Promise<StageResult> {
  const toolchain = await readToolchain(signal);
  const missing = whatIsMissing(toolchain);
  if (missing) return skipped('the walk', missing);
  const lab = await startLab({
    scenario: 'cpu-constrained',
    toolchain,
    log: (line) => console.error(line),
    signal,
  });
  let editor: Editor | undefined;
  let workbench: Workbench | undefined;
  try {
    const vsix = await packExtension(lab.dir, signal);
    const dir = join(lab.dir, 'editor');
    editor = await startEditor({ toolchain, workspace: lab.workspaceDir, vsix, dir, env: lab.env, signal });
    workbench = await Workbench.open({
      executablePath: toolchain.chromium ?? '',
      editor,
      shots,
    });
    await lab.waitForTelemetry(() => {});
    return await steps(workbench, lab, editor);
  } finally {
    await workbench?.close();
    await editor?.close();
    await lab.close();
  }
}

function whatIsMissing(toolchain: Toolchain): string | undefined {
  const reason = (prefix: string) =>
    toolchain.skipped.find(({ name }) => name.startsWith(prefix))?.reason ?? 'missing';
  if (!toolchain.pulumi) return `Pulumi CLI: ${reason('Pulumi')}`;
  if (!toolchain.vscode) return `VS Code: ${reason('VS Code')}`;
  if (!toolchain.chromium) return `browser: ${reason('browser')}`;
  return undefined;
}

async function steps(workbench: Workbench, lab: Lab, editor: Editor): Promise<StageResult> {
  const walked = new Steps(workbench);
  try {
    await lookAround(walked, workbench);
    await diagnose(walked, workbench);
    await aPatchThatDoesNotHelp(walked, workbench, lab, editor);
    await aPatchThatHelps(walked, workbench, lab);
  } catch (error) {
    if (!(error instanceof WalkEnded)) throw error;
  }
  return walked.result;
}

async function lookAround(walked: Steps, workbench: Workbench): Promise<void> {
  const { page } = workbench;
  await walked.step('the two trees', 'trees', async () => {
    await page.locator('.activitybar .action-label[aria-label^="Plumbline"]').click();
    await page
      .getByRole('treeitem', { name: /otel-ai-chatbot/ })
      .first()
      .waitFor({ timeout: 60_000 });
    await page.getByRole('treeitem', { name: /POST \/api\/chat/ }).waitFor({ timeout: 30_000 });
    await page.getByRole('treeitem', { name: /lab/ }).first().waitFor({ timeout: 60_000 });
  });
}

async function diagnose(walked: Steps, workbench: Workbench): Promise<void> {
  const panel = workbench.panel();
  await walked.step('Plumbline: Diagnose Latency', 'diagnosis', async () => {
    await workbench.command('Plumbline: Diagnose Latency');
    await panel.getByText('Cause found').waitFor({ timeout: 60_000 });
    await panel.getByRole('button', { name: 'Review change' }).first().waitFor();
  });
}

/** Review, approve, preview, confirm, apply, verify: the same clicks for every proposal. */
async function carryThrough(
  walked: Steps,
  workbench: Workbench,
  title: string,
  name: string,
  byAssistant = false,
): Promise<void> {
  const { page } = workbench;
  const panel = workbench.panel();
  const card = panel.locator('section.proposal', { hasText: title });
  await walked.step(`${name}: the diff, Approve and Reject`, `${name}-diff`, async () => {
    const summary = card.locator('details.folded > summary');
    if (await summary.isVisible().catch(() => false)) await summary.click();
    await card.getByRole('button', { name: 'Review change' }).click();
    await page.locator('.diff-editor, .monaco-diff-editor').first().waitFor({ timeout: 30_000 });
    await page.locator('.editor-actions [aria-label^="Approve"]').first().waitFor();
    await page.locator('.editor-actions [aria-label^="Reject"]').first().waitFor();
  });
  await walked.step(`${name}: approve, and pulumi preview`, `${name}-preview`, async () => {
    await page.locator('.editor-actions [aria-label^="Approve"]').first().click();
    // What an assistant wrote wants a second look before its program text runs.
    if (byAssistant) {
      await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Approve', exact: true }).click();
    }
    await card.getByRole('button', { name: 'Apply…' }).waitFor({ timeout: 120_000 });
  });
  await walked.step(`${name}: the second confirmation`, `${name}-confirm`, async () => {
    await card.getByRole('button', { name: 'Apply…' }).click();
    await page.locator('.monaco-dialog-box').waitFor({ timeout: 15_000 });
  });
  await walked.step(`${name}: apply and rollout`, `${name}-applying`, async () => {
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Apply', exact: true }).click();
    await page.locator('.monaco-dialog-box').waitFor({ state: 'detached' });
    const typed = page.locator('.quick-input-widget input.input').first();
    if (await typed.isVisible().catch(() => false)) {
      await typed.fill('lab');
      await page.keyboard.press('Enter');
    }
    await card
      .locator('.stepper[aria-label="Progress: applying"], .stepper[aria-label="Progress: applied"]')
      .waitFor({
        timeout: 60_000,
      });
  });
}

async function aPatchThatDoesNotHelp(
  walked: Steps,
  workbench: Workbench,
  lab: Lab,
  editor: Editor,
): Promise<void> {
  const { page } = workbench;
  const card = workbench.panel().locator('section.proposal', { hasText: 'Give the task more memory' });
  await walked.step('an assistant proposes through MCP', 'assistant', async () => {
    await proposeMoreMemory(lab, editor.stateDir);
    await card.first().waitFor({ timeout: 30_000 });
    await page
      .locator('.notification-toast', { hasText: /assistant|propos/i })
      .first()
      .waitFor({ timeout: 10_000 });
  });
  await carryThrough(walked, workbench, 'Give the task more memory', 'memory', true);
  await walked.step('verify says that it did not help', 'memory-verified', async () => {
    // A short window on a busy machine may only allow to say that it can't be told; never that it helped.
    await card
      .getByText(/(It made no difference|Too little to judge by|It got worse): P95/)
      .waitFor({ timeout: 180_000 });
  });
}

async function aPatchThatHelps(walked: Steps, workbench: Workbench, lab: Lab): Promise<void> {
  const panel = workbench.panel();
  await walked.step('diagnose again, with the memory as it is now', 'diagnosis-again', async () => {
    await workbench.command('Plumbline: Diagnose Latency');
    await panel.getByRole('button', { name: 'Review change' }).first().waitFor({ timeout: 60_000 });
  });
  await carryThrough(walked, workbench, '1024', 'cpu');
  await walked.step('verify says by how much it helped', 'cpu-verified', async () => {
    await panel.getByText(/It helped: P95/).waitFor({ timeout: 180_000 });
  });
  await walked.step('the chart goes on, with the deployment in it', 'chart', async () => {
    await panel.locator('header.masthead').scrollIntoViewIfNeeded();
    await panel.getByRole('img', { name: /fix deployed/ }).waitFor({ timeout: 15_000 });
  });
  await walked.step('the program holds the change, and nothing else', 'program', async () => {
    const text = await readFile(join(lab.workspaceDir, 'index.ts'), 'utf8');
    if (!text.includes("const taskCpu = '1024';")) throw new Error('taskCpu is not 1024 in index.ts');
    if (!text.includes("const taskMemory = '2048';")) throw new Error('taskMemory is not 2048 in index.ts');
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { shots: { type: 'string' } } });
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
  const result = await walk(values.shots ?? 'shots', abort.signal);
  for (const { name, detail } of result.failures) console.error(`FAILED ${name}\n${detail}`);
  for (const { name, reason } of result.skipped) console.error(`SKIPPED ${name}: ${reason}`);
  console.log(`${result.passed} passed, ${result.failures.length} failed, ${result.skipped.length} skipped`);
  process.exitCode = result.failures.length > 0 ? 1 : 0;
}
