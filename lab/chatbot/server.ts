import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import http from 'node:http';
import { trace } from '@opentelemetry/api';
import { ChatMemory, type ChatRequest, generateResponse, type Peers } from './generate.ts';
import { log } from './log.ts';
import type { Turn } from './rank.ts';
import { UpstreamError } from './upstream.ts';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const CHAT_PATH = '/api/chat';

/** A request the client must change before it tries again. */
class RefusedRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The chatbot's HTTP side: `POST /api/chat` and `GET /healthz`. `instance` names this task in its answers. */
export function createChatServer(peers: Peers, instance: string): Server {
  const memory = new ChatMemory();
  return http.createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/healthz' && request.method === 'GET') return send(response, 200, { status: 'ok' });
    if (path !== CHAT_PATH) return send(response, 404, { error: `Nothing here; POST ${CHAT_PATH}.` });
    if (request.method !== 'POST') return send(response, 405, { error: `POST ${CHAT_PATH}.` });
    void chat(peers, memory, instance, request, response);
  });
}

async function chat(
  peers: Peers,
  memory: ChatMemory,
  instance: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const span = trace.getActiveSpan();
  span?.updateName(`POST ${CHAT_PATH}`);
  span?.setAttribute('http.route', CHAT_PATH);
  let status = 200;
  try {
    const question = readQuestion(await readBody(request));
    const answer = await generateResponse(peers, memory, question);
    send(response, status, answer, cpuTiming(instance));
  } catch (thrown) {
    status = thrown instanceof UpstreamError || thrown instanceof RefusedRequest ? thrown.status : 500;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (status >= 500) span?.setAttribute('exception.message', message);
    log(status >= 500 ? 'error' : 'warn', message, { status });
    // What is left of a body that was too long is not read: the connection can't be used again.
    if (status === 413) response.setHeader('connection', 'close');
    send(response, status, { error: status === 500 ? 'The chatbot failed.' : message }, cpuTiming(instance));
    return;
  }
  log('info', 'answered', { status, duration_ms: Math.round(performance.now() - started) });
}

/** https://www.w3.org/TR/server-timing/: CPU time this process has used so far, so that a caller can take differences. */
function cpuTiming(instance: string): Record<string, string> {
  const { user, system } = process.cpuUsage();
  return {
    'server-timing': `process-cpu;dur=${((user + system) / 1000).toFixed(1)};desc="${instance}"`,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new RefusedRequest(413, 'The conversation is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readQuestion(body: string): ChatRequest {
  let parsed: { message?: unknown; history?: unknown; conversation?: unknown; document?: unknown } | null;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new RefusedRequest(400, 'The body is not JSON.');
  }
  const history = parsed?.history ?? [];
  if (typeof parsed?.message !== 'string' || parsed.message.trim() === '' || !Array.isArray(history)) {
    throw new RefusedRequest(400, 'Send {"message": string, "history": [{"role", "content"}]}.');
  }
  if (!history.every(isTurn)) {
    throw new RefusedRequest(400, 'A turn of the history needs a role (user or assistant) and a content.');
  }
  const { message, conversation, document } = parsed;
  if (!isTextOrAbsent(conversation) || !isTextOrAbsent(document)) {
    throw new RefusedRequest(400, 'A conversation and its document are texts.');
  }
  return {
    message,
    history,
    ...(conversation === undefined ? {} : { conversation }),
    ...(document === undefined ? {} : { document }),
  };
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isTurn(value: unknown): value is Turn {
  const turn = value as Partial<Turn> | null;
  return (turn?.role === 'user' || turn?.role === 'assistant') && typeof turn.content === 'string';
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
