import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { installFolder } from './install-folder.mjs';

/** @import { Machine } from './machine.mjs' */

/**
 * Pulumi's own release: CLI, language hosts and bundled providers, unpacked to `<target>/bin`.
 * @param {Machine} machine
 * @param {string} version
 * @param {string} target
 */
export async function downloadPulumi(machine, version, target) {
  if (machine.platform === 'win32') throw new Error('its archive for Windows is not a tarball');
  const name = `pulumi-v${version}-${machine.platform}-${machine.arch}.tar.gz`;
  await installFolder(target, async (to) => {
    const archive = path.join(to, name);
    const { sha256 } = await machine.download(`https://get.pulumi.com/releases/sdk/${name}`, archive);
    const sum = await publishedSum(machine, version, name);
    if (sum && sum !== sha256)
      throw new Error(`${name} does not have the checksum that its release gives for it`);
    const bin = path.join(to, 'bin');
    await mkdir(bin);
    await machine.run('tar', ['-xzf', archive, '-C', bin, '--strip-components=1']);
    await rm(archive);
  });
}

/**
 * The release's list of checksums is served by another host than the release. Where that one can't be read the
 * archive rests on TLS alone, as it does for Pulumi's own installer.
 * @param {Machine} machine
 * @param {string} version
 * @param {string} name
 * @returns {Promise<string | undefined>}
 */
async function publishedSum(machine, version, name) {
  const url = `https://github.com/pulumi/pulumi/releases/download/v${version}/pulumi-${version}-checksums.txt`;
  const list = await machine.fetchText(url).catch(() => {
    machine.signal.throwIfAborted();
    return '';
  });
  const line = list.split('\n').find((entry) => entry.trim().endsWith(name));
  return line?.trim().split(/\s+/)[0]?.toLowerCase();
}
