import { problemOfFailure, problemOfStatus, waitOf } from './honeycomb-errors.ts';
import type { Clock } from './request-budget.ts';

const REQUEST_TIMEOUT_MS = 15_000;
/** An answer of 10,000 rows is a few MB; more than this is no answer of Honeycomb's. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** One request to Honeycomb's API: key, time limit, size limit, and Problems for whatever goes wrong. */
export class HoneycombHttp {
  readonly #apiUrl: string;
  readonly #apiKey: () => Promise<string>;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  #lastWaitMs = 0;

  constructor(apiUrl: string, apiKey: () => Promise<string>, fetcher: typeof fetch, clock: Clock) {
    this.#apiUrl = apiUrl.replace(/\/+$/, '');
    this.#apiKey = apiKey;
    this.#fetch = fetcher;
    this.#clock = clock;
  }

  /** What the last 429 asked to wait. Milliseconds. */
  get lastWaitMs(): number {
    return this.#lastWaitMs;
  }

  get(path: string, what: string, signal?: AbortSignal): Promise<unknown> {
    return this.#send('GET', path, undefined, what, signal);
  }

  post(path: string, body: object, what: string, signal?: AbortSignal): Promise<unknown> {
    return this.#send('POST', path, body, what, signal);
  }

  /** Tells the store that nobody waits for this any more. Nothing depends on the answer. */
  drop(path: string): void {
    this.#send('DELETE', path, undefined, 'the result').catch(() => undefined);
  }

  async #send(
    method: string,
    path: string,
    body: object | undefined,
    what: string,
    signal?: AbortSignal,
  ): Promise<unknown> {
    try {
      const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const response = await this.#fetch(`${this.#apiUrl}${path}`, {
        method,
        headers: {
          'X-Honeycomb-Team': await this.#apiKey(),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A redirect would carry the key to another host.
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const answer = parse(await readText(response));
      if (response.ok) return answer;
      const now = this.#clock.now();
      if (response.status === 429) this.#lastWaitMs = waitOf(response.headers, now);
      throw problemOfStatus(response.status, answer, response.headers, what, new URL(this.#apiUrl).host, now);
    } catch (error) {
      throw problemOfFailure(error, signal, this.#apiUrl);
    }
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What is not JSON (a proxy's page) counts as no body; the schemas then say what was expected. */
function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
