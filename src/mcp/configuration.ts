import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { isLoopback } from '../telemetry/honeycomb-answers.ts';
import { ALL_DATASETS } from '../telemetry/query.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const CLOUD = 'https://api.honeycomb.io';
/** Where the collector listens unless it is told otherwise. */
const LOCAL_COLLECTOR = 'http://127.0.0.1:4318';
const DEFAULT_LOOKBACK_MINUTES = 60;
const MAX_LOOKBACK_MINUTES = 7 * 24 * 60;

const Folders = z.array(z.string().refine(isAbsolute, 'is not an absolute path')).max(100);

/** Address of the Honeycomb API: the one given, the cloud's where there is a key for it, else the local collector's. */
export function honeycombUrl(env: Environment): string {
  const url =
    env['PLUMBLINE_HONEYCOMB_URL'] ||
    env['HONEYCOMB_API_ENDPOINT'] ||
    (env['HONEYCOMB_API_KEY'] ? CLOUD : LOCAL_COLLECTOR);
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new Problem(
    'bad-input',
    'The address of the Honeycomb API is not an http or https URL.',
    'Set PLUMBLINE_HONEYCOMB_URL to one, such as https://api.honeycomb.io.',
  );
}

/** The key for it. A collector on this machine takes any, so none has to be set for it. */
export function honeycombKey(env: Environment, url: string): string {
  const key = env['HONEYCOMB_API_KEY'];
  if (key) return key;
  if (isLoopback(new URL(url).hostname)) return 'local';
  throw new Problem(
    'unauthorized',
    `No key for ${new URL(url).host} is set.`,
    'Set HONEYCOMB_API_KEY in the environment that starts this server, or start it from VS Code.',
  );
}

export function dataset(env: Environment): string {
  return env['PLUMBLINE_DATASET'] || ALL_DATASETS;
}

/** Absolute paths of the workspace's folders: PLUMBLINE_WORKSPACE, a JSON array, else where the server was started. */
export function workspaceFolders(env: Environment, cwd: string): readonly string[] {
  const text = env['PLUMBLINE_WORKSPACE'];
  if (!text) return [cwd];
  try {
    return Folders.parse(JSON.parse(text));
  } catch (cause) {
    throw new Problem(
      'bad-input',
      'PLUMBLINE_WORKSPACE is not a JSON array of absolute paths.',
      'Set it to something like ["/home/me/project"], or leave it out to use the current folder.',
      { cause },
    );
  }
}

export function lookbackMinutes(env: Environment): number {
  const minutes = Number(env['PLUMBLINE_LOOKBACK_MINUTES']);
  return Number.isInteger(minutes) && minutes > 0
    ? Math.min(minutes, MAX_LOOKBACK_MINUTES)
    : DEFAULT_LOOKBACK_MINUTES;
}
