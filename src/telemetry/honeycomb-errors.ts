import { z } from 'zod';
import { Problem } from '../problem.ts';
import { isLoopback } from './honeycomb-answers.ts';
import { rateLimited } from './request-budget.ts';

const MAX_DETAIL = 600;
const DEFAULT_WAIT_MS = 60_000;

const plain = z.object({ error: z.string() });
const rfc7807 = z.object({
  title: z.string().nullish(),
  detail: z.string().nullish(),
  error: z.string().nullish(),
  type_detail: z
    .array(z.object({ field: z.string().nullish(), description: z.string().nullish() }))
    .nullish(),
});
const jsonApi = z.object({
  errors: z.array(z.object({ title: z.string().nullish(), detail: z.string().nullish() })).min(1),
});

/** What the store says went wrong, from any of Honeycomb's three shapes of error bodies; '' when it says nothing. */
function errorDetail(body: unknown): string {
  const api = jsonApi.safeParse(body);
  if (api.success) {
    return join(api.data.errors.map((error) => error.detail ?? error.title ?? ''));
  }
  const problem = rfc7807.safeParse(body);
  if (problem.success && problem.data.type_detail?.length) {
    return join(
      problem.data.type_detail.map(({ field, description }) => `${field ?? ''}: ${description ?? ''}`),
    );
  }
  const simple = plain.safeParse(body);
  if (simple.success) return join([simple.data.error]);
  return problem.success ? join([problem.data.detail ?? problem.data.title ?? '']) : '';
}

/** The Problem of an answer that is no success. `what` completes "… could not be read". */
export function problemOfStatus(
  status: number,
  body: unknown,
  headers: Headers,
  what: string,
  host: string,
  now: number,
): Problem {
  const detail = errorDetail(body);
  const said = detail === '' ? '' : ` ${host} says: ${detail}`;
  switch (status) {
    case 401:
      return new Problem(
        'unauthorized',
        `The key for ${host} is missing or wrong.${said}`,
        'Set the API key again (command "Plumbline: Set Honeycomb API Key"), and check that it belongs to this region.',
      );
    case 403:
      return new Problem(
        'forbidden',
        `The key may not read ${what}.${said}`,
        'Give the key the permission to manage queries and columns; query results need the Enterprise plan.',
      );
    case 404:
      return new Problem(
        'not-found',
        `${what} was not found.${said}`,
        'Check the dataset’s name and the environment that the key belongs to.',
      );
    case 400:
    case 422:
      return new Problem(
        'bad-input',
        `The query for ${what} was refused.${said}`,
        'Change the query as it says.',
      );
    case 429:
      return rateLimited(waitOf(headers, now));
    case 504:
      return new Problem('timeout', `${what} took too long.${said}`, 'Ask for a shorter time range.');
    default:
      return new Problem(
        status >= 500 ? 'unreachable' : 'internal',
        `${host} answered ${status} when asked for ${what}.${said}`,
        'Try again; if it stays, look at the status page of the store.',
      );
  }
}

/** The Problem of a request that got no answer. */
export function problemOfFailure(error: unknown, signal: AbortSignal | undefined, apiUrl: string): Problem {
  if (error instanceof Problem) return error;
  if (signal?.aborted) {
    return new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', { cause: error });
  }
  const url = new URL(apiUrl);
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new Problem(
      'timeout',
      `${url.host} did not answer in time.`,
      'Check the network, or ask for a shorter time range.',
      { cause: error },
    );
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new Problem(
    'unreachable',
    `${url.host} cannot be reached${code}.`,
    isLoopback(url.hostname)
      ? 'Start the local collector again, then retry.'
      : 'Check the network, the proxy and the API address in the settings.',
    { cause: error },
  );
}

/** How long to wait, from Retry-After (seconds, a date, an ISO time) or RateLimit's reset (seconds). Milliseconds. */
export function waitOf(headers: Headers, now: number): number {
  const after = headers.get('retry-after')?.trim();
  if (after) {
    if (/^\d+(?:\.\d+)?$/.test(after)) return Number(after) * 1000;
    const at = Date.parse(after);
    if (!Number.isNaN(at)) return Math.max(0, at - now);
  }
  const limits = `${headers.get('ratelimit') ?? ''}, ${headers.get('ratelimit-policy') ?? ''}`;
  const reset = /\breset\s*=\s*(\d+)/i.exec(limits)?.[1] ?? headers.get('ratelimit-reset') ?? undefined;
  return reset !== undefined && /^\d+$/.test(reset.trim()) ? Number(reset) * 1000 : DEFAULT_WAIT_MS;
}

function join(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .join('; ')
    .slice(0, MAX_DETAIL);
}
