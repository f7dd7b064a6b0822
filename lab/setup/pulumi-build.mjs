import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installFolder } from './install-folder.mjs';
import { isAtLeast } from './version.mjs';

/** @import { Machine } from './machine.mjs' */

const CLI = 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi';
const SDK = 'github.com/pulumi/pulumi/sdk/v3';
const LANGUAGE_HOST = fileURLToPath(new URL('language-host.mjs', import.meta.url));
/** What the CLI's module asks for. */
const GO = /** @type {const} */ ([1, 25, 0]);

/**
 * Builds the real CLI from its Go module. The Node.js language host is a module of its own without a version, so
 * it can't be built this way: `language-host.mjs` is put beside the CLI in its place, under its name.
 * @param {Machine} machine
 * @param {string} version
 * @param {string} target filled as `<target>/bin`
 * @param {(text: string) => void} note
 */
export async function buildPulumi(machine, version, target, note) {
  if (machine.platform === 'win32') throw new Error('the stand-in for the language host is a shell script');

  await installFolder(target, async (to) => {
    const bin = path.join(to, 'bin');
    await mkdir(bin);
    const built = path.join(target, 'bin', 'pulumi');
    // Built before, with stand-ins of another day beside it: only those are renewed.
    if (await runs(machine, built)) await copyFile(built, path.join(bin, 'pulumi'));
    else await compile(machine, version, to, note);
    await addStandIns(machine, bin);
  });
}

/**
 * @param {Machine} machine
 * @param {string} file
 * @returns {Promise<boolean>}
 */
async function runs(machine, file) {
  if (!(await machine.exists(file))) return false;
  try {
    await machine.run(file, ['version'], { timeout: 20_000 });
    return true;
  } catch {
    machine.signal.throwIfAborted();
    return false;
  }
}

/**
 * @param {Machine} machine
 * @param {string} version
 * @param {string} to the folder that gets `bin/pulumi`
 * @param {(text: string) => void} note
 */
async function compile(machine, version, to, note) {
  const go = await machine.which('go');
  if (!go) throw new Error('go is not on PATH');
  const installed = (await machine.run(go, ['version'])).trim();
  if (!isAtLeast(installed, GO))
    throw new Error(`it wants Go ${GO[0]}.${GO[1]} or newer, this is ${installed}`);

  const module = path.join(to, 'module');
  await mkdir(module);
  await writeFile(path.join(module, 'go.mod'), `module plumbline.invalid/pulumi\n\ngo ${GO.join('.')}\n`);
  // `go get` keeps only what some file imports; the tag keeps this file out of a build.
  await writeFile(path.join(module, 'cli.go'), `//go:build cli\n\npackage main\n\nimport _ "${CLI}"\n`);
  note('downloading its Go modules');
  const build = { cwd: module, env: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' } };
  await machine.run(go, ['get', `${CLI}@v${version}`, `${SDK}@v${version}`], build);
  note('building it from its Go modules, which takes 3 to 5 minutes');
  const flags = `-s -w -X ${SDK}/go/common/version.Version=v${version}`;
  const output = path.join(to, 'bin', 'pulumi');
  await machine.run(
    go,
    ['build', '-tags', 'osusergo,grpcnotrace', '-ldflags', flags, '-o', output, CLI],
    build,
  );
  await rm(module, { recursive: true });
}

/**
 * The two programs that a Node.js program needs beside the CLI and that its module does not hold.
 * @param {Machine} machine
 * @param {string} bin
 */
async function addStandIns(machine, bin) {
  const host = path.join(bin, 'pulumi-language-nodejs');
  await copyFile(LANGUAGE_HOST, `${host}.mjs`);
  await writeScript(
    host,
    `# STAND-IN for Pulumi's Node.js language host, which could not be had here: see the .mjs beside it.
${findNode(machine.node)}
exec "$node" "$0.mjs" "$@"`,
  );
  await writeScript(
    path.join(bin, 'pulumi-resource-pulumi-nodejs'),
    `# STAND-IN for the script of this name in Pulumi's release: runs the dynamic providers of the program.
${findNode(machine.node)}
provider=$("$node" -p 'require.resolve("@pulumi/pulumi/cmd/dynamic-provider")') || exit 1
exec "$node" "$provider" "$@"`,
  );
}

/**
 * Shell lines that set `$node`. The one on PATH may be older than the SDK wants, so the one that set-up found comes
 * first; it may be gone by the time the script runs.
 * @param {string} node
 */
function findNode(node) {
  return `node='${node.replaceAll("'", "'\\''")}'
[ -x "$node" ] || node=node`;
}

/**
 * @param {string} file
 * @param {string} lines
 */
async function writeScript(file, lines) {
  await writeFile(file, `#!/bin/sh\n${lines}\n`);
  await chmod(file, 0o755);
}

/**
 * Whether a language host is the stand-in, and if so, whether it is the one that belongs to this set-up.
 * @param {string} host the program `pulumi-language-nodejs`
 * @returns {Promise<'real' | 'stand-in' | 'old stand-in'>}
 */
export async function kindOfLanguageHost(host) {
  const text = await readFile(`${host}.mjs`, 'utf8').catch(() => undefined);
  if (text === undefined) return 'real';
  return text === (await readFile(LANGUAGE_HOST, 'utf8')) ? 'stand-in' : 'old stand-in';
}
