import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../lab/setup/machine.mjs';
import { pulumiStep } from '../../lab/setup/pulumi.mjs';
import { ensure } from '../../lab/setup/step.mjs';
import { fakeMachine } from './fake-machine.ts';

const quiet = () => {};
const standIn = fileURLToPath(new URL('../../lab/setup/language-host.mjs', import.meta.url));

type Host = 'real' | 'stand-in' | 'old stand-in' | 'none';

/** Puts a CLI into a folder: a file that holds its version, which the fake `run` reads. */
async function putCli(folder: string, version: string, host: Host = 'real'): Promise<string> {
  await mkdir(folder, { recursive: true });
  const bin = path.join(folder, 'pulumi');
  await writeFile(bin, version);
  const language = path.join(folder, 'pulumi-language-nodejs');
  if (host !== 'none') await writeFile(language, '');
  if (host === 'stand-in') await copyFile(standIn, `${language}.mjs`);
  if (host === 'old stand-in') await writeFile(`${language}.mjs`, '// of last year');
  return bin;
}

const run: Machine['run'] = async (file, args) => {
  if (args[0] === 'version' && path.basename(file) === 'pulumi') return readFile(file, 'utf8');
  if (path.basename(file) !== 'go') throw new Error(`unexpected: ${file} ${args.join(' ')}`);
  if (args[0] === 'version') return 'go version go1.26.8 linux/amd64';
  const output = args[args.indexOf('-o') + 1];
  if (args[0] === 'build' && output) await writeFile(output, 'v3.259.0');
  return '';
};

const kept = (machine: Machine, version: string) =>
  path.join(machine.home, '.pulumi', 'versions', version, 'bin');

describe('the Pulumi CLI', () => {
  test('on PATH comes before those in the home folder', async () => {
    const machine = await fakeMachine({ run });
    const own = await putCli(path.join(machine.home, 'usr'), 'v3.241.0');
    await putCli(kept(machine, '3.259.0'), 'v3.259.0');
    const found = await pulumiStep.find({ ...machine, which: async () => own });
    expect(found?.value).toEqual({ bin: own, version: '3.241.0', standInLanguageHost: false });
  });

  test('the newest of those in the home folder is taken', async () => {
    const machine = await fakeMachine({ run });
    for (const version of ['3.99.0', '3.260.1', '3.259.0', '.3.300.0-building-x']) {
      await putCli(kept(machine, version), `v${version}`);
    }
    expect((await pulumiStep.find(machine))?.value.version).toBe('3.260.1');
  });

  test.each<[string, string, Host]>([
    ['too old', 'v3.239.9', 'real'],
    ['that says no version', 'no internet', 'real'],
    ['without a language host', 'v3.300.0', 'none'],
    ['with a stand-in of another set-up', 'v3.300.0', 'old stand-in'],
  ])('one %s is passed over', async (_name, version, host) => {
    const machine = await fakeMachine({ run });
    const own = await putCli(path.join(machine.home, 'usr'), version, host);
    const good = await putCli(kept(machine, '3.259.0'), 'v3.259.0', 'stand-in');
    const found = await pulumiStep.find({
      ...machine,
      which: async (name) => (name === 'pulumi' ? own : undefined),
    });
    expect(found?.value).toEqual({ bin: good, version: '3.259.0', standInLanguageHost: true });
    expect(found?.text).toContain('stand-in');
  });

  test('without a network it is built, with a stand-in that says so', async () => {
    const machine = await fakeMachine({
      run,
      which: async (name) => (name === 'go' ? '/usr/bin/go' : undefined),
    });
    const got = await ensure(pulumiStep, machine, quiet);
    expect(got).toMatchObject({ already: false, value: { version: '3.259.0', standInLanguageHost: true } });
    const host = await readFile(path.join(path.dirname(got.value.bin), 'pulumi-language-nodejs'), 'utf8');
    expect(host).toContain('STAND-IN');
    const builds = machine.calls.filter(({ args }) => args[0] === 'build');
    expect(builds.map(({ env }) => env?.['CGO_ENABLED'])).toEqual(['0']);
  });

  test('a stand-in of another set-up is renewed without building the CLI again', async () => {
    const machine = await fakeMachine({ run });
    await putCli(kept(machine, '3.259.0'), 'v3.259.0', 'old stand-in');
    expect((await ensure(pulumiStep, machine, quiet)).value.standInLanguageHost).toBe(true);
    expect(machine.calls.filter(({ file }) => path.basename(file) === 'go')).toEqual([]);
  });

  test('a download with another checksum than the release gives is refused', async () => {
    const name = 'pulumi-v3.259.0-linux-x64.tar.gz';
    const machine = await fakeMachine({
      run,
      fetchText: async () => `${'a'.repeat(64)}  ${name}\n`,
      download: async () => ({ sha256: 'b'.repeat(64), announced: undefined }),
    });
    await expect(ensure(pulumiStep, machine, quiet)).rejects.toThrow(
      `download: ${name} does not have the checksum that its release gives for it; Go build: go is not on PATH`,
    );
    expect(machine.calls).toEqual([]);
  });
});
