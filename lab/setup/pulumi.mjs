import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { buildPulumi, kindOfLanguageHost } from './pulumi-build.mjs';
import { downloadPulumi } from './pulumi-download.mjs';
import { compareVersions, isAtLeast, parseVersion } from './version.mjs';

/** @import { Machine } from './machine.mjs' */
/** @import { Step } from './step.mjs' */
/** @import { PulumiCli } from './toolchain.mjs' */

/** The oldest CLI whose exit codes and plans the gate relies on. */
const LEAST = /** @type {const} */ ([3, 240, 0]);
const VERSION = '3.259.0';

/** @param {Machine} machine */
const versions = (machine) => path.join(machine.home, '.pulumi', 'versions');

/** @type {Step<PulumiCli>} */
export const pulumiStep = {
  id: 'pulumi',
  name: 'Pulumi CLI',
  async find(machine) {
    for (const bin of await candidates(machine)) {
      const found = await inspect(machine, bin);
      if (found) return found;
    }
    return undefined;
  },
  ways: [
    {
      name: 'download',
      obtain: (machine) => downloadPulumi(machine, VERSION, path.join(versions(machine), VERSION)),
    },
    {
      name: 'Go build',
      obtain: (machine, note) => buildPulumi(machine, VERSION, path.join(versions(machine), VERSION), note),
    },
  ],
};

/**
 * Where a CLI may be, best first: the person's own, then what Pulumi's installer and `PulumiCommand.install` leave.
 * @param {Machine} machine
 * @returns {Promise<string[]>}
 */
async function candidates(machine) {
  const name = machine.platform === 'win32' ? 'pulumi.exe' : 'pulumi';
  const kept = (await readdir(versions(machine)).catch(() => []))
    .flatMap((folder) => {
      const version = /^\d/.test(folder) ? parseVersion(folder) : undefined;
      return version ? [{ folder, version }] : [];
    })
    .sort((a, b) => compareVersions(b.version, a.version))
    .map(({ folder }) => path.join(versions(machine), folder, 'bin', name));
  const onPath = await machine.which('pulumi');
  return [...(onPath ? [onPath] : []), path.join(machine.home, '.pulumi', 'bin', name), ...kept];
}

/**
 * A CLI is of use only with a language host: without one it can run no program.
 * @param {Machine} machine
 * @param {string} bin
 */
async function inspect(machine, bin) {
  if (!(await machine.exists(bin))) return undefined;
  // npm's `pulumi` is a wrapper that downloads the CLI when it is first asked: the time limit is for that one.
  const env = { PULUMI_SKIP_UPDATE_CHECK: 'true' };
  const version = await machine.run(bin, ['version'], { env, timeout: 20_000 }).catch(() => {
    machine.signal.throwIfAborted();
    return '';
  });
  if (!isAtLeast(version, LEAST)) return undefined;
  const folder = path.dirname(bin);
  const beside = path.join(
    folder,
    machine.platform === 'win32' ? 'pulumi-language-nodejs.exe' : 'pulumi-language-nodejs',
  );
  const host = (await machine.exists(beside)) ? beside : await machine.which('pulumi-language-nodejs');
  if (!host) return undefined;
  const kind = await kindOfLanguageHost(host);
  if (kind === 'old stand-in') return undefined;
  const standInLanguageHost = kind === 'stand-in';
  const number = version.trim().replace(/^v/, '');
  return {
    value: { bin, version: number, standInLanguageHost },
    text: `Pulumi CLI ${number}${standInLanguageHost ? ' (its Node.js language host is a stand-in)' : ''}`,
  };
}
