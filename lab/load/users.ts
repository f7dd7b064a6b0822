import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeConversation, makeDocument, nextQuestion } from './conversation.ts';

/** What the load does now; all of it may change while it runs. */
export interface LoadShape {
  /** People using the chatbot at the same time; each waits for an answer before the next question. */
  readonly users: number;
  /** Mean pause between an answer and the next question; pauses lie between a half and one and a half times of it. */
  readonly thinkMs: number;
  /** Turns of conversation that each question carries. */
  readonly history: number;
  /** KiB of a document that each question opens a new conversation with; 0 for questions without one. */
  readonly documentKiB: number;
  /** Share of the questions, 0…1, that nobody has asked before. */
  readonly newQuestions: number;
}

/** One answered (or failed) question. */
export interface Exchange {
  readonly durationMs: number;
  readonly ok: boolean;
  /** Turns of conversation that it carried. */
  readonly history: number;
  /** CPU time that the answering process had used so far, by its Server-Timing header. */
  readonly processCpu?: { readonly instance: string; readonly totalMs: number };
}

const TIMEOUT_MS = 60_000;
/** Bounds that keep a slip in a command from turning the lab into a stress test. */
const MOST_USERS = 200;

/** Closed-loop users: they come and go as the shape says and stop when the signal fires. */
export class Users {
  readonly #url: URL;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #done: (exchange: Exchange) => void;
  readonly #running = new Map<number, AbortController>();
  #shape: LoadShape;

  constructor(url: URL, shape: LoadShape, done: (exchange: Exchange) => void) {
    this.#url = url;
    this.#shape = shape;
    this.#done = done;
  }

  get shape(): LoadShape {
    return this.#shape;
  }

  /** Starts or ends users so that there are as many as the shape says; the others go on with the new shape. */
  apply(change: Partial<LoadShape>): void {
    this.#shape = { ...this.#shape, ...change };
    const wanted = Math.min(this.#shape.users, MOST_USERS);
    for (let id = 0; id < wanted; id += 1) {
      if (!this.#running.has(id)) this.#start(id);
    }
    for (const [id, ending] of this.#running) {
      if (id >= wanted) {
        ending.abort();
        this.#running.delete(id);
      }
    }
  }

  stop(): void {
    this.apply({ users: 0 });
    this.#agent.destroy();
  }

  #start(id: number): void {
    const ending = new AbortController();
    this.#running.set(id, ending);
    void this.#use(id, ending.signal);
  }

  async #use(id: number, signal: AbortSignal): Promise<void> {
    const { thinkMs } = this.#shape;
    // Users come in evenly over the first pause: they would all ask at once otherwise.
    if (!(await pause(Math.random() * thinkMs, signal))) return;
    for (let turn = 0; ; turn += 1) {
      const exchange = await this.#ask(id + turn, signal);
      if (signal.aborted) return;
      this.#done(exchange);
      // A narrow spread keeps the rate steady, so that two phases under the same load can be compared.
      if (!(await pause((0.5 + Math.random()) * this.#shape.thinkMs, signal))) return;
    }
  }

  #ask(offset: number, signal: AbortSignal): Promise<Exchange> {
    const { history, documentKiB, newQuestions } = this.#shape;
    const question = nextQuestion(offset);
    const body = JSON.stringify({
      message: Math.random() < newQuestions ? `${question} It is about ${randomUUID()}.` : question,
      history: makeConversation(history, offset),
      ...(documentKiB === 0
        ? {}
        : { conversation: randomUUID(), document: makeDocument(documentKiB, offset) }),
    });
    const started = performance.now();
    return new Promise((resolve) => {
      const end = (ok: boolean, timing?: string): void => {
        const processCpu = readProcessCpu(timing);
        resolve({ durationMs: performance.now() - started, ok, history, ...(processCpu && { processCpu }) });
      };
      const request = http.request(new URL('/api/chat', this.#url), {
        method: 'POST',
        agent: this.#agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      request.once('error', () => end(false));
      request.once('response', (response) => {
        response.resume();
        response.once('error', () => end(false));
        response.once('end', () => {
          end(response.statusCode === 200, String(response.headers['server-timing'] ?? ''));
        });
      });
      request.end(body);
    });
  }
}

/** False when the user has left meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

function readProcessCpu(timing: string | undefined): Exchange['processCpu'] {
  const match = timing?.match(/process-cpu;dur=([\d.]+);desc="([^"]{1,80})"/);
  if (!match?.[1] || !match[2]) return undefined;
  return { totalMs: Number(match[1]), instance: match[2] };
}
