import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** @import { Machine } from './machine.mjs' */
/** @import { Step } from './step.mjs' */

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ON_A_MAC = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** @type {Step<string>} */
export const browserStep = {
  id: 'browser',
  name: 'browser',
  async find(machine) {
    for (const file of await candidates(machine)) {
      // One that lacks a library, or a stub that only points to a shop, says no version.
      const version = await machine.run(file, ['--version'], { timeout: 20_000 }).catch(() => {
        machine.signal.throwIfAborted();
        return '';
      });
      const number = /\d+(\.\d+)+/.exec(version)?.[0];
      if (number) return { value: file, text: `browser Chromium ${number}` };
    }
    return undefined;
  },
  ways: [
    { name: 'Playwright', obtain: playwrightInstall },
    { name: 'apt-get', obtain: aptInstall },
  ],
};

/** @param {Machine} machine */
async function candidates(machine) {
  const files = [];
  for (const name of NAMES) files.push(await machine.which(name));
  if (machine.platform === 'darwin') files.push(...ON_A_MAC);
  files.push(await playwrightPath(machine));
  const there = [];
  for (const file of files) if (file && (await machine.exists(file))) there.push(file);
  return there;
}

/**
 * Where Playwright keeps its browser, whether or not it has one.
 * @param {Machine} machine
 */
async function playwrightPath(machine) {
  const script = 'process.stdout.write(require("playwright-core").chromium.executablePath())';
  return machine.run(machine.node, ['-e', script], { cwd: machine.checkout, timeout: 20_000 }).catch(() => {
    // Without dependencies there is no Playwright to ask.
    machine.signal.throwIfAborted();
    return undefined;
  });
}

/** @param {Machine} machine */
async function playwrightInstall(machine) {
  // Its own installer tries each of its hosts several times; where none can be reached that takes minutes.
  await machine.fetchText('https://cdn.playwright.dev/robots.txt').catch((error) => {
    if (!/answered/.test(String(error))) throw error;
  });
  const cli = path.join(machine.checkout, 'node_modules', 'playwright-core', 'cli.js');
  await machine.run(machine.node, [cli, 'install', 'chromium']);
}

/** @param {Machine} machine */
async function aptInstall(machine) {
  const apt = await machine.which('apt-get');
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!apt || !/^ID(_LIKE)?=.*debian/m.test(release)) throw new Error('this is not a Debian');
  if (!machine.isRoot) throw new Error('it takes root; run `apt-get install chromium` as root');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await machine.run(apt, ['update', '-q'], { env });
  await machine.run(apt, ['install', '-y', '-q', 'chromium'], { env });
}
