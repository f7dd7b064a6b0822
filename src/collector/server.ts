import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from '../problem.ts';
import { checkKey, refuseForeign } from './access.ts';
import { ApiError } from './api-error.ts';
import type { ApiRoutes } from './api-routes.ts';
import { discardRest, readBody, readJson } from './http-request.ts';
import type { Log } from './log.ts';
import {
  decodeOtlp,
  encodeOtlpResponse,
  encodeOtlpStatus,
  encodingOf,
  type OtlpEncoding,
  type OtlpSignal,
} from './otlp-decode.ts';
import type { OtlpIngest } from './otlp-ingest.ts';

const SIGNALS: Readonly<Record<string, OtlpSignal>> = {
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
};
/** google.rpc.Code of a request that cannot be understood, and of one that should come again later. */
const RPC_INVALID_ARGUMENT = 3;
const RPC_UNAVAILABLE = 14;

export interface CollectorServerParts {
  readonly api: ApiRoutes;
  readonly ingest: OtlpIngest;
  /** The one key that is taken; undefined takes any. */
  readonly key: string | undefined;
  readonly log: Log;
}

/** OTLP/HTTP and the Honeycomb API on one loopback port. */
export class CollectorServer {
  readonly #parts: CollectorServerParts;
  readonly #server: Server;

  constructor(parts: CollectorServerParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        parts.log('error', `request failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  /** Listens on 127.0.0.1 and returns the address. @param port 0 takes a free one */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      throw new Problem('refused', `Port ${port} is taken.`, 'Give another --port, or 0 for a free one.');
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), 1_000);
    await closed;
    clearTimeout(force);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const signal = SIGNALS[url.pathname];
    try {
      refuseForeign(request);
      if (signal) {
        await this.#export(signal, request, response);
        return;
      }
      if (!url.pathname.startsWith('/1/')) throw new ApiError(404, 'not found');
      checkKey(request, this.#parts.key);
      const answer = await this.#parts.api.handle({
        method: request.method ?? 'GET',
        path: segments(url.pathname.slice(3)),
        search: url.searchParams,
        json: () => readJson(request),
      });
      const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
      send(response, answer.status, 'application/json', body, answer.headers);
    } catch (error) {
      const refusal = this.#refusal(error);
      await refuse(request, response, refusal.status, 'application/json', JSON.stringify(refusal.toBody()));
    }
  }

  async #export(signal: OtlpSignal, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') throw new ApiError(405, 'method not allowed');
    const encoding = encodingOf(request.headers['content-type']);
    if (encoding === undefined) {
      const text = 'Content-Type must be application/x-protobuf or application/json';
      await refuse(request, response, 415, 'text/plain', text);
      return;
    }
    if (this.#parts.key !== undefined) checkKey(request, this.#parts.key);
    const type = request.headers['content-type']?.split(';')[0]?.trim() ?? 'application/x-protobuf';
    try {
      const body = await readBody(request);
      const warning = await this.#parts.ingest.take(signal, decodeOtlp(signal, encoding, body));
      send(response, 200, type, encodeOtlpResponse(encoding, signal, warning));
    } catch (error) {
      await this.#refuseExport(error, encoding, type, request, response);
    }
  }

  async #refuseExport(
    error: unknown,
    encoding: OtlpEncoding,
    type: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const known = this.#refusal(error);
    // OTLP's exporters send again after a 503, and give up after a 500.
    const refusal = known.status === 500 ? new ApiError(503, known.message) : known;
    const code = refusal.status >= 500 ? RPC_UNAVAILABLE : RPC_INVALID_ARGUMENT;
    await refuse(request, response, refusal.status, type, encodeOtlpStatus(encoding, code, refusal.message));
  }

  #refusal(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (error instanceof Problem && error.code === 'bad-input') return new ApiError(400, error.message);
    if (error instanceof URIError) return new ApiError(400, 'the address cannot be decoded');
    this.#parts.log('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
    return new ApiError(500, 'internal error; see the log of the collector');
  }
}

function segments(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(body);
}

/**
 * An answer to a request whose body may still be coming. To close with bytes unread resets the connection, and the sender sees
 * the reset in place of the answer: so the whole answer goes out first, then the rest of the body is taken, then it is closed.
 */
async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
): Promise<void> {
  const bytes = Buffer.from(body);
  const headers = { 'Content-Length': String(bytes.length) };
  if (request.complete) {
    send(response, status, type, bytes, headers);
    return;
  }
  response.writeHead(status, {
    ...headers,
    'Content-Type': type,
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.write(bytes);
  await discardRest(request);
  response.end();
}
