import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

/**
 * What the steps do to the machine they run on: all of it goes through here, so that tests can stand in.
 * @typedef {object} Machine
 * @property {NodeJS.Platform} platform
 * @property {string} arch `x64`, `arm64`, … as Node names it
 * @property {boolean} isRoot
 * @property {NodeJS.ProcessEnv} env
 * @property {string} home
 * @property {string} cache the folder for everything set-up keeps, outside the checkout
 * @property {string} checkout
 * @property {string} node the Node that runs the tools; the process's own until a newer one is found
 * @property {string} ownVersion of the Node that runs the set-up itself
 * @property {AbortSignal} signal
 * @property {(file: string, args: readonly string[], options?: RunOptions) => Promise<string>} run
 *   a command's stdout; rejects with the last words of its stderr when it fails
 * @property {(name: string) => Promise<string | undefined>} which the absolute path of a program on PATH
 * @property {(file: string) => Promise<boolean>} exists
 * @property {(url: string) => Promise<string>} fetchText
 * @property {(url: string, file: string) => Promise<Downloaded>} download
 */

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] added to the machine's own
 * @property {number} [timeout] milliseconds
 */

/**
 * @typedef {object} Downloaded
 * @property {string} sha256 of the bytes that came, in hex
 * @property {string | undefined} announced the digest that the server announced for them, if it did
 */

/** Long enough for a slow line, short enough that a machine without a network gets to the next way at once. */
const ANSWER_WITHIN = 8_000;
/** A download may take minutes, but not stand still. */
const STALL = 30_000;

export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/**
 * @param {AbortSignal} signal ends every command and download
 * @returns {Machine}
 */
export function thisMachine(signal) {
  const home = os.homedir();
  return {
    platform: process.platform,
    arch: process.arch,
    isRoot: process.getuid?.() === 0,
    env: process.env,
    home,
    cache: path.join(process.env['XDG_CACHE_HOME'] || path.join(home, '.cache'), 'plumbline'),
    checkout,
    node: process.execPath,
    ownVersion: process.version,
    signal,
    // Methods, so that a copy with another Node or environment runs with what it says.
    run(file, args, options) {
      return run(this, file, args, options);
    },
    which(name) {
      return which(this, name);
    },
    exists: (file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    fetchText: async (url) => (await answer(url, signal)).text(),
    download: (url, file) => download(url, file, signal),
  };
}

/**
 * The environment for a tool: the machine's, with its Node first on PATH, so that `#!/usr/bin/env node` is it.
 * @param {Machine} machine
 * @param {NodeJS.ProcessEnv} [more]
 */
function toolEnvironment(machine, more) {
  const PATH = [path.dirname(machine.node), machine.env['PATH']].filter(Boolean).join(path.delimiter);
  return { ...machine.env, PATH, ...more };
}

/**
 * @param {Machine} machine
 * @param {string} file
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>}
 */
function run(machine, file, args, options = {}) {
  const { promise, resolve, reject } = deferred();
  const signals = options.timeout ? [machine.signal, AbortSignal.timeout(options.timeout)] : [machine.signal];
  const signal = AbortSignal.any(signals);
  if (signal.aborted) return Promise.reject(signal.reason);

  // A group of its own: npm and go start compilers of theirs, and all of them have to end together.
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: toolEnvironment(machine, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: machine.platform !== 'win32',
    windowsHide: true,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-8_000);
  });

  /** @param {NodeJS.Signals} name */
  const end = (name) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      if (machine.platform === 'win32') child.kill(name);
      else process.kill(-child.pid, name);
    } catch {
      // The group ended between the check and the signal.
    }
  };
  const onAbort = () => {
    end('SIGTERM');
    setTimeout(() => end('SIGKILL'), 5_000).unref();
  };
  signal.addEventListener('abort', onAbort, { once: true });

  child.once('error', (error) => {
    signal.removeEventListener('abort', onAbort);
    reject(new Error(`${file} could not be started: ${error.message}`));
  });
  child.once('close', (code, killedBy) => {
    signal.removeEventListener('abort', onAbort);
    if (machine.signal.aborted) reject(machine.signal.reason);
    else if (signal.aborted)
      reject(new Error(`${path.basename(file)} did not end within ${options.timeout} ms`));
    else if (code === 0) resolve(stdout);
    else
      reject(
        new Error(
          `${path.basename(file)} ${args[0] ?? ''} ended with ${killedBy ?? code}: ${lastWords(stderr || stdout)}`,
        ),
      );
  });
  return promise;
}

/** `Promise.withResolvers` is younger than the oldest Node that starts the set-up. */
function deferred() {
  /** @type {(value: string) => void} */
  let resolve = () => {};
  /** @type {(reason: unknown) => void} */
  let reject = () => {};
  /** @type {Promise<string>} */
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/**
 * The end of a tool's output on one line: what it says last is what went wrong.
 * @param {string} output
 */
function lastWords(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const words = lines.filter(Boolean).slice(-3).join(' · ');
  return words.length > 300 ? `…${words.slice(-300)}` : words || 'no output';
}

/**
 * @param {Machine} machine
 * @param {string} name
 */
async function which(machine, name) {
  const endings = machine.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (machine.env['PATH'] ?? '').split(path.delimiter).filter(path.isAbsolute)) {
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      try {
        await access(file, constants.X_OK);
        if ((await stat(file)).isFile()) return file;
      } catch {
        // Not in this folder: the next one.
      }
    }
  }
  return undefined;
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<Response>}
 */
async function answer(url, signal) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_WITHIN);
  const { host } = new URL(url);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, late.signal]) });
    if (!response.ok) throw new Error(`${host} answered ${response.status}`);
    return response;
  } catch (error) {
    signal.throwIfAborted();
    if (late.signal.aborted) throw new Error(`${host} did not answer within ${ANSWER_WITHIN / 1000} s`);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw cause instanceof Error && 'code' in cause
      ? new Error(`${host} can't be reached (${cause.code})`)
      : cause;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} url
 * @param {string} file
 * @param {AbortSignal} signal
 * @returns {Promise<Downloaded>}
 */
async function download(url, file, signal) {
  const response = await answer(url, signal);
  if (!response.body) throw new Error(`${url} has no content`);
  const hash = createHash('sha256');
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`${new URL(url).host} stopped sending`)), STALL);
  const counted = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      timer.refresh();
      done(null, chunk);
    },
  });
  try {
    const body = Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body));
    await pipeline(body, counted, createWriteStream(file), {
      signal: AbortSignal.any([signal, stalled.signal]),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw stalled.signal.aborted ? stalled.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
  return { sha256: hash.digest('hex'), announced: response.headers.get('x-sha256')?.toLowerCase() };
}
