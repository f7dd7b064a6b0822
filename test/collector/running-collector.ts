import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const COLLECTOR_SCRIPT = fileURLToPath(new URL('../../src/collector/main.ts', import.meta.url));

export interface RunningCollector {
  readonly url: string;
  readonly directory: string;
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** Ends the process and waits for it; the folder stays. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface CollectorSetup {
  readonly directory?: string;
  readonly args?: readonly string[];
}

const started = new Set<RunningCollector>();
const directories = new Set<string>();

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'plumbline-collector-test-'));
  directories.add(directory);
  return directory;
}

/** Starts the real process on a free port; resolves when it has told its address, rejects with its stderr when it ends. */
export async function runCollector(setup: CollectorSetup = {}): Promise<RunningCollector> {
  const directory = setup.directory ?? (await temporaryDirectory());
  const child = spawn(
    process.execPath,
    [COLLECTOR_SCRIPT, '--port', '0', '--data', directory, ...(setup.args ?? [])],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const first = once(child.stdout, 'data').then(([chunk]) => JSON.parse(String(chunk)) as { url: string });
  const { url } = await Promise.race([
    first,
    exit.then((code) => {
      throw new Error(`exit ${code}: ${errors}`);
    }),
  ]);
  const collector: RunningCollector = {
    url,
    directory,
    child,
    stderr: () => errors,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      started.delete(collector);
      return exit;
    },
  };
  started.add(collector);
  return collector;
}

/** For afterAll: nothing is left running or on disk. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...started].map((collector) => collector.end()));
  await Promise.all([...directories].map((directory) => rm(directory, { recursive: true, force: true })));
  directories.clear();
}
