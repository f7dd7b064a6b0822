import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type FrameLocator, type Page } from 'playwright-core';
import type { Editor } from '../../lab/editor.ts';

export const THEMES = { dark: 'Default Dark Modern', light: 'Default Light Modern' } as const;

/** A browser window on the workbench, and the gestures a person makes there. */
export class Workbench {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #editor: Pick<Editor, 'change'>;
  readonly #shots: string | undefined;
  #taken = 0;

  private constructor(
    browser: Browser,
    page: Page,
    editor: Pick<Editor, 'change'>,
    shots: string | undefined,
  ) {
    this.#browser = browser;
    this.page = page;
    this.#editor = editor;
    this.#shots = shots;
  }

  static async open(options: {
    readonly executablePath: string;
    readonly editor: Editor;
    readonly shots: string | undefined;
  }): Promise<Workbench> {
    const browser = await chromium.launch({
      executablePath: options.executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const workbench = new Workbench(browser, page, options.editor, options.shots);
    await page.goto(options.editor.url, { waitUntil: 'domcontentloaded' });
    await page.locator('.monaco-workbench .activitybar').waitFor({ timeout: 90_000 });
    return workbench;
  }

  async command(name: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input.input').first();
    await input.waitFor();
    await input.fill(`>${name}`);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().click();
  }

  /** The panel's own document, inside of the two frames that VS Code puts around a webview. */
  panel(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
  }

  /** Takes the same moment in dark and in light. */
  async shot(name: string): Promise<void> {
    if (this.#shots === undefined) return;
    this.#taken += 1;
    await mkdir(this.#shots, { recursive: true });
    const number = String(this.#taken).padStart(2, '0');
    for (const theme of ['light', 'dark'] as const) {
      await this.theme(theme);
      await this.page.screenshot({ path: join(this.#shots, `${number}-${name}-${theme}.png`) });
    }
  }

  async theme(theme: keyof typeof THEMES): Promise<void> {
    await this.#editor.change({ 'workbench.colorTheme': THEMES[theme] });
    const mark = theme === 'dark' ? '.monaco-workbench.vs-dark' : '.monaco-workbench.vs:not(.vs-dark)';
    await this.page.locator(mark).waitFor({ timeout: 15_000 });
    // Webviews take their colours a moment after the workbench.
    await this.page.waitForTimeout(600);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
