import { rm } from 'node:fs/promises';
import path from 'node:path';
import { installFolder } from './install-folder.mjs';
import { writeReceipt } from './vscode-receipt.mjs';

/** @import { Machine } from './machine.mjs' */

/**
 * Microsoft's own build of the server with the web client; it brings its Node along.
 * @param {Machine} machine
 * @param {string} version
 * @param {string} target
 */
export async function downloadServer(machine, version, target) {
  if (machine.platform === 'win32') throw new Error('its archive for Windows is not a tarball');
  // Their name for a Mac with an Intel processor is plain `darwin`.
  const build =
    machine.platform === 'darwin' && machine.arch === 'x64'
      ? 'darwin'
      : `${machine.platform}-${machine.arch}`;
  const url = `https://update.code.visualstudio.com/${version}/server-${build}-web/stable`;
  await installFolder(target, async (to) => {
    const archive = path.join(to, 'server.tar.gz');
    const { sha256, announced } = await machine.download(url, archive);
    if (announced && announced !== sha256)
      throw new Error('the archive does not have the checksum announced for it');
    await machine.run('tar', ['-xzf', archive, '-C', to, '--strip-components=1']);
    await rm(archive);
    await writeReceipt(to, { node: path.join(target, 'node'), from: "Microsoft's build" });
  });
}
