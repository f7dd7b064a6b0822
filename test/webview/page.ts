import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { bundle } from '../../esbuild.mjs';
import { panelHtml } from '../../src/ui/panel/panel-html.ts';
import type { PanelCommand, PanelState } from '../../src/workflow/messages.ts';
import { type ThemeName, themes } from './themes.ts';

/** The panel's bundle in a real browser, under the policy that the extension gives it, with VS Code's side played here. */

const ORIGIN = 'https://panel.test';

/** A Chromium that is on this machine, or undefined. */
export function browserPath(): string | undefined {
  const candidates = [
    process.env['PLUMBLINE_CHROMIUM'],
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  return candidates.find((path) => path !== undefined && existsSync(path));
}

export interface PanelPage {
  readonly page: Page;
  /** What the panel sent, oldest first. */
  commands(): Promise<readonly PanelCommand[]>;
  show(state: PanelState): Promise<void>;
  /** Uncaught errors and refusals by the content security policy. */
  readonly errors: readonly string[];
}

export class PanelBrowser {
  readonly #browser: Browser;
  readonly #dist: string;

  private constructor(browser: Browser, dist: string) {
    this.#browser = browser;
    this.#dist = dist;
  }

  static async start(executablePath: string): Promise<PanelBrowser> {
    const dist = mkdtempSync(join(tmpdir(), 'plumbline-webview-'));
    await bundle({ only: ['webview'], outdir: dist, log: () => {} });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    return new PanelBrowser(browser, dist);
  }

  async open(options: {
    readonly theme: ThemeName;
    readonly width?: number;
    readonly height?: number;
  }): Promise<PanelPage> {
    const context = await this.#browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
      timezoneId: 'UTC',
      locale: 'en-GB',
    });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await this.#serve(context, options.theme);
    await page.addInitScript(vsCodeSide);
    await page.goto(`${ORIGIN}/`);
    return {
      page,
      errors,
      commands: () => page.evaluate<readonly PanelCommand[]>('window.sent'),
      show: async (state) => {
        await page.evaluate(`window.postMessage(${JSON.stringify({ type: 'state', state })}, '*')`);
        await page.waitForFunction('document.querySelector("#app").childElementCount > 0');
        // Two frames: one to render, one to draw the chart.
        await page.evaluate(
          'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
        );
      },
    };
  }

  async #serve(context: BrowserContext, theme: ThemeName): Promise<void> {
    const variables = Object.entries(themes[theme]).map(([name, value]) => `--vscode-${name}: ${value};`);
    const html = panelHtml({
      script: '/webview.js',
      style: '/webview.css',
      source: ORIGIN,
      nonce: 'bm9uY2U',
    });
    const kind = theme === 'dark' ? 'vscode-dark' : theme === 'light' ? 'vscode-light' : `vscode-${theme}`;
    const files: Record<string, () => Promise<string>> = {
      '/': async () =>
        html
          .replace('</head>', '<link rel="stylesheet" href="/theme.css"></head>')
          .replace('<body>', `<body class="${kind}">`),
      '/theme.css': async () => `:root { ${variables.join(' ')} }`,
      '/webview.js': () => readFile(join(this.#dist, 'webview.js'), 'utf8'),
      '/webview.css': () => readFile(join(this.#dist, 'webview.css'), 'utf8'),
    };
    const types: Record<string, string> = { js: 'text/javascript', css: 'text/css' };
    await context.route('**/*', async (route) => {
      const { pathname } = new URL(route.request().url());
      const file = files[pathname];
      if (file === undefined) return route.fulfill({ status: 204, body: '' });
      const contentType = types[pathname.split('.').at(-1) ?? ''] ?? 'text/html';
      return route.fulfill({ contentType: `${contentType}; charset=utf-8`, body: await file() });
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#dist, { recursive: true, force: true });
  }
}

const vsCodeSide = `
  window.sent = [];
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => window.sent.push(message),
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null'),
    setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
`;
