import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CORPUS } from '../../lab/cloud/opensearch/corpus.ts';
import { decodeOtlp } from '../../src/collector/otlp-decode.ts';
import { spanEvents } from '../../src/collector/otlp-spans.ts';

const CHATBOT = fileURLToPath(new URL('../../lab/chatbot/main.ts', import.meta.url));

/** A span as the store would keep it: columns by name. */
export type SpanRow = Readonly<Record<string, unknown>>;

export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** An HTTP server on a free port of loopback. */
export async function listen(serverOrListener: Server | RequestListener): Promise<Peer> {
  const server =
    typeof serverOrListener === 'function' ? http.createServer(serverOrListener) : serverOrListener;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Takes what an OTLP exporter sends and keeps the spans as rows. */
export async function listenForSpans(): Promise<Peer & { readonly spans: SpanRow[] }> {
  const spans: SpanRow[] = [];
  const peer = await listen(async (request, response) => {
    const rows = spanEvents(decodeOtlp('traces', 'protobuf', await buffer(request)));
    spans.push(
      ...rows.map((row) => Object.fromEntries(row.fields)).filter((row) => row['name'] !== 'exception'),
    );
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  return { ...peer, spans };
}

/** A vector store that answers any search with the lab's first passages. */
export const cannedStore: RequestListener = (request, response) => {
  request.resume();
  const hits = CORPUS.slice(0, 12).map((source, index) => ({ _id: `p${index}`, _score: 1, _source: source }));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ hits: { hits } }));
};

export interface Chatbot {
  readonly url: string;
  readonly process: ChildProcess;
  /** Its further lines on stdout. */
  readonly lines: string[];
  chat(body: unknown): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
  /** SIGTERM, and the exit code that follows. */
  stop(): Promise<number | null>;
}

/** The chatbot as the emulated cloud starts it: a process with its configuration in the environment. */
export async function startChatbot(env: Record<string, string>): Promise<Chatbot> {
  const child = spawn(process.execPath, [CHATBOT], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  const [first] = (await once(output, 'line')) as [string];
  output.on('line', (line) => lines.push(line));
  const { url } = JSON.parse(first) as { url: string };
  return {
    url,
    process: child,
    lines,
    async chat(body) {
      const response = await fetch(`${url}/api/chat`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as Record<string, unknown>,
      };
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    },
  };
}
