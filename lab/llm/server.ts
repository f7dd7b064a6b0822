import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawDelayMs } from './delay.ts';

/** What the fake does to its callers; `POST /lab/fault` changes it while it runs. */
export interface ModelBehaviour {
  /** Median of the time to a whole answer. */
  medianMs: number;
  /** Share of requests, 0…1, that are turned away with 429. */
  rateLimitShare: number;
}

const FINGERPRINT = 'fp_plumbline_lab_fake';
/** When a streamed answer's first piece comes, as a share of the time to the whole answer. */
const FIRST_CHUNK_SHARE = 0.3;
const ANSWER =
  'Look at where the time is spent before you change anything: compare each operation with an earlier window, ' +
  'subtract what its children took, and check the machine behind the one that grew. ' +
  '(This text comes from a fake model server of the lab; no language model was asked.)';

/** A server that speaks OpenAI's chat-completions wire format and waits as a hosted model would. */
export function createModelServer(behaviour: ModelBehaviour): Server {
  return http.createServer((request, response) => {
    const route = `${request.method} ${request.url?.split('?')[0]}`;
    if (route === 'POST /v1/chat/completions') void completeChat(behaviour, request, response);
    else if (route === 'POST /lab/fault') void changeBehaviour(behaviour, request, response);
    else if (route === 'GET /healthz') sendJson(response, 200, { status: 'ok' });
    else sendError(response, 404, 'invalid_request_error', `Unknown request URL: ${route}.`);
  });
}

async function completeChat(
  behaviour: ModelBehaviour,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = (await readJson(request).catch(() => undefined)) as ChatBody | undefined;
  if (!Array.isArray(body?.messages) || typeof body.model !== 'string') {
    return sendError(response, 400, 'invalid_request_error', 'A model and messages are needed.');
  }
  if (Math.random() < behaviour.rateLimitShare) {
    response.setHeader('retry-after', '1');
    return sendError(response, 429, 'rate_limit_error', 'Rate limit reached (set by the lab).');
  }
  const delayMs = drawDelayMs(behaviour.medianMs);
  const about = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: body.model,
    system_fingerprint: FINGERPRINT,
  };
  const promptLength = JSON.stringify(body.messages).length;
  const usage = countUsage(promptLength);
  if (body.stream === true) return streamAnswer(response, about, usage, delayMs);
  await sleep(delayMs);
  sendJson(response, 200, {
    ...about,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
    usage,
  });
}

interface ChatBody {
  readonly model?: unknown;
  readonly messages?: unknown;
  readonly stream?: unknown;
}

/** About four characters a token, OpenAI's rule of thumb for English. */
function countUsage(promptLength: number): Record<string, number> {
  const prompt = Math.ceil(promptLength / 4);
  const completion = Math.ceil(ANSWER.length / 4);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

async function streamAnswer(
  response: ServerResponse,
  about: Record<string, unknown>,
  usage: Record<string, number>,
  delayMs: number,
): Promise<void> {
  const pieces = ANSWER.split(/(?<= )/);
  const pauseMs = (delayMs * (1 - FIRST_CHUNK_SHARE)) / pieces.length;
  await sleep(delayMs * FIRST_CHUNK_SHARE);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const write = (choice: Record<string, unknown>, more: Record<string, unknown> = {}): void => {
    const chunk = { ...about, object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }], ...more };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  for (const piece of pieces) {
    if (response.destroyed) return;
    write({ delta: { role: 'assistant', content: piece }, finish_reason: null });
    await sleep(pauseMs);
  }
  write({ delta: {}, finish_reason: 'stop' }, { usage });
  response.end('data: [DONE]\n\n');
}

async function changeBehaviour(
  behaviour: ModelBehaviour,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const wanted = (await readJson(request).catch(() => undefined)) as Partial<ModelBehaviour> | undefined;
  const { medianMs = behaviour.medianMs, rateLimitShare = behaviour.rateLimitShare } = wanted ?? {};
  if (wanted === undefined || !(medianMs >= 0) || !(rateLimitShare >= 0 && rateLimitShare <= 1)) {
    return sendError(
      response,
      400,
      'invalid_request_error',
      'Send {"medianMs"?: ≥ 0, "rateLimitShare"?: 0…1}.',
    );
  }
  Object.assign(behaviour, { medianMs, rateLimitShare });
  sendJson(response, 200, behaviour);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  sendJson(response, status, { error: { message, type, param: null, code: null } });
}
