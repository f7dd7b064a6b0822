import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { HoneycombClient } from './honeycomb.ts';
import { COLLECTOR_TEAM_SLUG, isLoopback } from './honeycomb-answers.ts';

export interface CollectorOptions {
  /** The collector's entry: `dist/collector.cjs`, or the TypeScript source in development. */
  readonly script: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly dataDirectory: string;
  /** The key it takes; without one it takes any. Handed over in the environment, not in the process list. */
  readonly key?: string;
  readonly retentionHours?: number;
  /** The runtime; default this process's own (the editor's, which then runs as Node). */
  readonly execPath?: string;
  readonly startTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Lines of its log. */
  readonly onLog?: (line: string) => void;
}

export interface CollectorProcess {
  readonly url: string;
  /** False when another window's collector is used; `stop` then leaves it alone. */
  readonly owned: boolean;
  /** Resolves when it ended by itself, with what it said last. Never for one that is not owned. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 5_000;
const addressLine = z.object({ url: z.string().refine(isLoopbackUrl) });

/** Starts a collector that ends with this process, or uses the one that already serves the port. */
export async function startCollector(options: CollectorOptions): Promise<CollectorProcess> {
  const running = options.port === 0 ? undefined : await findCollector(options);
  if (running !== undefined) {
    return {
      url: running,
      owned: false,
      ended: new Promise<string>(() => undefined),
      stop: () => Promise.resolve(),
    };
  }
  return launch(options);
}

/** The address of a Plumbline collector on the port; undefined when nothing is there. Throws when something else is. */
async function findCollector(options: CollectorOptions): Promise<string | undefined> {
  const url = `http://127.0.0.1:${options.port}`;
  const client = new HoneycombClient({ apiUrl: url, apiKey: async () => options.key ?? 'local' });
  try {
    const { teamSlug } = await client.auth(options.signal);
    if (teamSlug === COLLECTOR_TEAM_SLUG) return url;
  } catch (error) {
    if (error instanceof Problem && error.code === 'unreachable') return undefined;
    if (error instanceof Problem && (error.code === 'unauthorized' || error.code === 'cancelled'))
      throw error;
  }
  throw new Problem(
    'refused',
    `Something else than a Plumbline collector answers on port ${options.port}.`,
    'Stop it, or set another port for the collector.',
  );
}

async function launch(options: CollectorOptions): Promise<CollectorProcess> {
  options.signal?.throwIfAborted();
  const args = [
    options.script,
    '--port',
    String(options.port),
    '--data',
    options.dataDirectory,
    '--exit-with-parent',
    ...(options.retentionHours === undefined ? [] : ['--retention-hours', String(options.retentionHours)]),
  ];
  const child = spawn(options.execPath ?? process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    env: {
      ...process.env,
      ELECTRON_RUN_AS_NODE: '1',
      ...(options.key !== undefined && { PLUMBLINE_COLLECTOR_KEY: options.key }),
    },
  });
  // Its end closes the pipe under our feet; the exit event tells, not this error.
  child.stdin.on('error', () => undefined);

  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2_000);
    for (const line of text.split('\n')) if (line !== '') options.onLog?.(line);
  });
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      lastWords += `\n${error.message}`;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.stdin.end();
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(force);
  };
  try {
    const url = await firstAddress(child.stdout, exited, () => lastWords, options);
    return { url, owned: true, ended: exited.then(() => lastWords), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function firstAddress(
  stdout: NodeJS.ReadableStream,
  exited: Promise<void>,
  lastWords: () => string,
  options: CollectorOptions,
): Promise<string> {
  const timeout = AbortSignal.timeout(options.startTimeoutMs ?? 15_000);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const failed = (message: string, cause?: unknown) =>
    new Problem(
      'unreachable',
      `The local collector did not start: ${message}`,
      'See the Plumbline output channel; another data folder or port often helps.',
      { cause },
    );
  const line = (async () => {
    let text = '';
    while (!text.includes('\n')) {
      const [chunk] = (await once(stdout, 'data', { signal })) as [Buffer];
      text += chunk.toString('utf8');
    }
    return text.slice(0, text.indexOf('\n'));
  })();
  const ended = exited.then(() => {
    throw failed(lastWords().trim().slice(-600) || 'it ended at once');
  });
  try {
    const parsed = addressLine.safeParse(JSON.parse(await Promise.race([line, ended])));
    if (!parsed.success) throw failed('its first line is not an address');
    return parsed.data.url;
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (options.signal?.aborted) {
      throw new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', { cause: error });
    }
    throw failed(timeout.aborted ? 'it did not tell its address in time' : String(error), error);
  } finally {
    line.catch(() => undefined);
    ended.catch(() => undefined);
  }
}

function isLoopbackUrl(value: string): boolean {
  return URL.canParse(value) && isLoopback(new URL(value).hostname);
}
