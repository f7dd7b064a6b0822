import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly key: string | undefined;
}

export interface Reply {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A server on the loopback address that says what a test wants Honeycomb to say. */
export class FakeHoneycomb {
  readonly seen: Seen[] = [];
  reply: (request: Seen) => Reply | undefined = () => undefined;
  url = '';
  readonly #server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const seen: Seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      body: text === '' ? {} : JSON.parse(text),
      key: request.headers['x-honeycomb-team']?.toString(),
    };
    this.seen.push(seen);
    const { status = 200, body, headers = {} } = this.reply(seen) ?? this.#usual(seen);
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  count(method: string, prefix: string): number {
    return this.seen.filter((one) => one.method === method && one.path.startsWith(prefix)).length;
  }

  #usual({ method, path }: Seen): Reply {
    if (method === 'POST' && path.startsWith('/1/queries/')) return { body: { id: 'q1' } };
    if (method === 'POST') return { status: 201, body: { id: 'r1', complete: false, links: {} } };
    return {
      body: {
        id: 'r1',
        complete: true,
        data: { results: [{ data: { name: 'x', COUNT: 2 } }], series: [] },
        links: { query_url: 'https://ui.honeycomb.io/t/q1' },
      },
    };
  }
}
