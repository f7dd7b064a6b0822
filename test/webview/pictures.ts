import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { states } from './fixture.ts';
import { browserPath, PanelBrowser } from './page.ts';
import type { ThemeName } from './themes.ts';

/** `node test/webview/pictures.ts DIR [STATE…]`: a picture of each of the panel's faces, to be looked at. */
const [dir = 'shots', ...names] = process.argv.slice(2);
const path = browserPath();
if (path === undefined) throw new Error('There is no Chromium on this machine.');
await mkdir(dir, { recursive: true });
const browser = await PanelBrowser.start(path);
const themes: readonly ThemeName[] = ['dark', 'light', 'high-contrast', 'high-contrast-light'];
try {
  for (const theme of themes) {
    for (const width of [300, 620, 1280]) {
      if (theme.startsWith('high') && width !== 1280) continue;
      const { page, show, errors } = await browser.open({ theme, width });
      for (const [name, state] of Object.entries(states)) {
        if (names.length > 0 && !names.includes(name)) continue;
        await show(state);
        await page.screenshot({ path: join(dir, `${name}-${theme}-${width}.png`), fullPage: true });
      }
      for (const error of errors) console.error(`${theme} ${width}: ${error}`);
      await page.close();
    }
  }
} finally {
  await browser.close();
}
