import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { bundle } from '../../esbuild.mjs';
import { freePort } from '../../lab/cloud/http.ts';
import { startEditor } from '../../lab/editor.ts';
import { readToolchain, type Toolchain } from '../../lab/setup/toolchain.mjs';
import { failed, passed, type Stage, type StageResult, skipped, total } from '../stage.ts';
import { desktopVsCode, runInDesktop } from './desktop.ts';
import { RESULT_VARIABLE, type SuiteResult } from './harness.ts';

const checkout = join(import.meta.dirname, '..', '..');

interface Suite {
  readonly name: string;
  /** Files of the workspace that it runs in. */
  readonly files: Readonly<Record<string, string>>;
}

const suites: readonly Suite[] = [
  {
    name: 'faces-suite',
    files: { 'index.ts': 'export const cpu = "512";\nexport const memory = "1024";\n' },
  },
  { name: 'store-suite', files: { 'README.md': 'A workspace without a Pulumi project.\n' } },
];

const SUITE_SECONDS = 180;

/** Suites that run inside of a real VS Code, in its extension host, with the real API. */
export const extensionStage: Stage = {
  name: 'extension in VS Code',
  async run(signal) {
    await bundle({ log: () => {} });
    const toolchain = await readToolchain(signal);
    const reason = missing(toolchain);
    const desktop = await desktopVsCode();
    const results: StageResult[] = [];
    if (reason !== undefined) results.push(skipped('extension in VS Code’s server', reason));
    if ('reason' in desktop) results.push(skipped('extension in desktop VS Code', desktop.reason));
    for (const suite of suites) {
      if (reason === undefined) results.push(await runSuite(suite, (run) => drive(run, toolchain, signal)));
      if ('executable' in desktop)
        results.push(await runSuite(suite, (run) => onDesktop(run, desktop.executable)));
    }
    return total(results);
  },
};

async function onDesktop(run: SuiteRun, executable: string): Promise<StageResult> {
  const env = { [RESULT_VARIABLE]: run.resultFile };
  const words = await runInDesktop({ ...run, executable, extension: checkout, env }).catch(String);
  const result = await readResult(run.resultFile);
  return result === undefined
    ? failed(`extension on the desktop: ${run.suite}`, `It left no result. ${words ?? ''}`)
    : counted(run.suite, result);
}

function missing({ vscode, chromium: browser, skipped: left }: Toolchain): string | undefined {
  const why = (prefix: string) => left.find(({ name }) => name.startsWith(prefix))?.reason ?? 'missing';
  if (vscode === undefined) return `VS Code: ${why('VS Code')}`;
  if (browser === undefined) return `browser: ${why('browser')}`;
  return undefined;
}

/** A suite that is bundled, with a workspace of its own. */
interface SuiteRun {
  readonly suite: string;
  readonly dir: string;
  readonly workspace: string;
  readonly script: string;
  readonly resultFile: string;
}

async function runSuite(
  suite: Suite,
  run: (prepared: SuiteRun) => Promise<StageResult>,
): Promise<StageResult> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-extension-'));
  try {
    const workspace = join(dir, 'workspace');
    await mkdir(join(workspace, '.vscode'), { recursive: true });
    for (const [file, text] of Object.entries(suite.files)) await writeFile(join(workspace, file), text);
    // In a browser VS Code saves by itself, at a moment that no test can know.
    const settings = { 'plumbline.collector.port': await freePort(), 'files.autoSave': 'off' };
    await writeFile(join(workspace, '.vscode', 'settings.json'), JSON.stringify(settings));
    const script = join(dir, `${suite.name}.cjs`);
    await build({
      entryPoints: [join(checkout, 'test', 'extension', `${suite.name}.ts`)],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      external: ['vscode'],
      sourcemap: 'inline',
      logLevel: 'warning',
    });
    const resultFile = join(dir, 'result.json');
    return await run({ suite: suite.name, dir, workspace, script, resultFile });
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function drive(run: SuiteRun, toolchain: Toolchain, signal: AbortSignal): Promise<StageResult> {
  const { HONEYCOMB_API_ENDPOINT: _, HONEYCOMB_API_KEY: __, ...env } = process.env;
  const editor = await startEditor({
    toolchain,
    workspace: run.workspace,
    dir: join(run.dir, 'editor'),
    env: { ...env, [RESULT_VARIABLE]: run.resultFile },
    testDriver: true,
    signal,
  });
  const browser = await chromium.launch({
    executablePath: toolchain.chromium ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const remote = (path: string) =>
      `vscode-remote://127.0.0.1:${editor.port}${pathToFileURL(path).pathname}`;
    const payload = [
      ['extensionDevelopmentPath', remote(checkout)],
      ['extensionTestsPath', remote(run.script)],
      ['skipWelcome', 'true'],
    ];
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    const printed: string[] = [];
    page.on('console', (message) => printed.push(message.text()));
    let exited = false;
    // The workbench calls these two when a suite ends; a suite that ended without a result has failed to load.
    await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) =>
      printed.push(args.join(' ')),
    );
    await page.exposeFunction('codeAutomationExit', () => {
      exited = true;
    });
    await page.goto(`${editor.url}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
    const deadline = Date.now() + SUITE_SECONDS * 1000;
    while (Date.now() < deadline && !signal.aborted) {
      const result = await readResult(run.resultFile);
      if (result !== undefined) return counted(run.suite, result);
      if (exited) break;
      await sleep(200);
    }
    return failed(`extension: ${run.suite}`, `It left no result.\n${printed.slice(-20).join('\n')}`);
  } finally {
    await browser.close();
    await editor.close();
  }
}

async function readResult(file: string): Promise<SuiteResult | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SuiteResult;
  } catch {
    // Not written yet, or not to its end.
    return undefined;
  }
}

function counted(suite: string, { passed: names, failed: failures }: SuiteResult): StageResult {
  return total([
    passed(names.length),
    ...failures.map(({ name, detail }) => failed(`extension, ${suite}: ${name}`, detail)),
  ]);
}
