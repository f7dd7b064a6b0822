import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createModelServer, type ModelBehaviour } from '../../lab/llm/server.ts';
import {
  type Chatbot,
  cannedStore,
  listen,
  listenForSpans,
  type Peer,
  type SpanRow,
  startChatbot,
} from './chatbot-peers.ts';

const QUESTION = {
  message: 'Why is it slow?',
  history: [
    { role: 'user', content: 'What is CPU throttling?' },
    { role: 'assistant', content: 'A container that used up its quota is stopped until the next period.' },
  ],
};

const behaviour: ModelBehaviour = { medianMs: 5, rateLimitShare: 0 };
const modelServer = createModelServer(behaviour);
let telemetry: Awaited<ReturnType<typeof listenForSpans>>;
let store: Peer;
let model: Peer;
let chatbot: Chatbot | undefined;

beforeAll(async () => {
  [telemetry, store, model] = await Promise.all([listenForSpans(), listen(cannedStore), listen(modelServer)]);
});
afterEach(async () => {
  await chatbot?.stop();
  Object.assign(behaviour, { medianMs: 5, rateLimitShare: 0 });
  telemetry.spans.length = 0;
});
afterAll(async () => {
  await Promise.all([telemetry.close(), store.close(), model.close()]);
});

async function start(changes: Record<string, string> = {}): Promise<Chatbot> {
  chatbot = await startChatbot({
    HONEYCOMB_API_ENDPOINT: telemetry.url,
    OTEL_SERVICE_NAME: 'otel-ai-chatbot',
    OTEL_RESOURCE_ATTRIBUTES: 'aws.ecs.task.family=chatbot,service.instance.id=task-1',
    SERVICE_VERSION: '1.2.3',
    VECTOR_STORE_URL: store.url,
    LLM_URL: model.url,
    ...changes,
  });
  return chatbot;
}

function span(name: string): SpanRow {
  const found = telemetry.spans.filter((row) => row['name'] === name);
  expect(found, `spans named ${name}`).toHaveLength(1);
  return found[0] ?? {};
}

test('one request is one trace with the spans that the workshop’s chatbot has', async () => {
  const running = await start();
  const answer = await running.chat(QUESTION);
  expect(answer.status).toBe(200);
  expect(answer.body['answer']).toContain('fake model server');
  expect(await running.stop()).toBe(0);

  const parents: Record<string, string | undefined> = {
    'POST /api/chat': undefined,
    'rag.generate_response': 'POST /api/chat',
    'rag.vector_search': 'rag.generate_response',
    'rag.rerank': 'rag.generate_response',
    'rag.build_prompt': 'rag.generate_response',
    'rag.llm_generation': 'rag.generate_response',
    'chat gpt-4o-mini': 'rag.llm_generation',
    'rag.parse_response': 'rag.generate_response',
  };
  expect(telemetry.spans.map((row) => row['name']).sort()).toEqual(Object.keys(parents).sort());
  for (const [name, parent] of Object.entries(parents)) {
    const expected = parent === undefined ? undefined : span(parent)['trace.span_id'];
    expect(span(name)['trace.parent_id'], `parent of ${name}`).toBe(expected);
    expect(span(name)['trace.trace_id']).toBe(span('POST /api/chat')['trace.trace_id']);
  }
  expect(span('POST /api/chat')).toMatchObject({ 'span.kind': 'server', 'http.route': '/api/chat' });
  expect(span('rag.vector_search')).toMatchObject({
    'span.kind': 'client',
    'db.system': 'opensearch',
    'server.address': '127.0.0.1',
  });
  const call = span('chat gpt-4o-mini');
  expect(call).toMatchObject({
    'span.kind': 'client',
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.system': 'openai',
    'gen_ai.request.model': 'gpt-4o-mini',
    'service.name': 'otel-ai-chatbot',
    'service.version': '1.2.3',
    'aws.ecs.task.family': 'chatbot',
  });
  expect(Number(call['server.port'])).toBe(Number(new URL(model.url).port));
  expect(Number(call['gen_ai.usage.input_tokens'])).toBeGreaterThan(0);
  expect(Number(call['gen_ai.usage.output_tokens'])).toBeGreaterThan(0);
});

test('its log lines carry the trace’s id', async () => {
  const running = await start();
  await running.chat(QUESTION);
  await running.stop();
  const answered = running.lines.map((line) => JSON.parse(line)).find((line) => line.message === 'answered');
  expect(answered.trace_id).toBe(span('POST /api/chat')['trace.trace_id']);
});

test('says how much CPU time its process has used, so that the load can be sized by it', async () => {
  const running = await start();
  const timings = [];
  for (const length of [1, 400]) {
    const history = Array.from({ length }, () => QUESTION.history[1]);
    const { headers } = await running.chat({ ...QUESTION, history });
    timings.push(/^process-cpu;dur=([\d.]+);desc="task-1"$/.exec(headers.get('server-timing') ?? '')?.[1]);
  }
  expect(Number(timings[0])).toBeGreaterThan(0);
  expect(Number(timings[1])).toBeGreaterThan(Number(timings[0]));
});

test('a rate-limited model server is asked again, then a 502 and an error on the spans it passed', async () => {
  behaviour.rateLimitShare = 1;
  const running = await start();
  const answer = await running.chat(QUESTION);
  expect(answer.status).toBe(502);
  expect(answer.body['error']).toBe('model server answered HTTP 429.');
  await running.stop();
  for (const name of ['rag.llm_generation', 'rag.generate_response', 'POST /api/chat']) {
    expect(span(name), name).toMatchObject({ error: true });
  }
  const calls = telemetry.spans.filter((row) => row['name'] === 'chat gpt-4o-mini');
  expect(calls).toEqual(Array(3).fill(expect.objectContaining({ error: true, 'error.type': '429' })));
  expect(calls.map((row) => row['http.request.resend_count'])).toEqual([undefined, 1n, 2n]);
  expect(span('rag.rerank')['error']).toBeUndefined();
});

test('a release that searches for each term calls the vector store once for each', async () => {
  const running = await start({ RETRIEVAL: 'terms' });
  expect((await running.chat(QUESTION)).status).toBe(200);
  await running.stop();
  const searches = telemetry.spans.filter((row) => row['name'] === 'rag.vector_search');
  expect(searches).toHaveLength(QUESTION.message.split(' ').length);
  expect(span('rag.rerank')).toMatchObject({ 'rag.candidates': 12n });
});

test('a vector store that is down is a 502 that names it', async () => {
  const gone = await listen(cannedStore);
  await gone.close();
  const running = await start({ VECTOR_STORE_URL: gone.url });
  const answer = await running.chat(QUESTION);
  expect(answer).toMatchObject({ status: 502, body: { error: expect.stringContaining('vector store') } });
});

test.each([
  ['no JSON', '{"message":', 400],
  ['no message', { history: [] }, 400],
  ['a history that is no list of turns', { message: 'x', history: [{ role: 'system' }] }, 400],
  ['more than it takes', { message: 'x'.repeat(5 * 1024 * 1024) }, 413],
])('refuses a body that is %s', async (_what, body, status) => {
  const running = await start();
  expect((await running.chat(body)).status).toBe(status);
});

test('is healthy while it serves, and its health is no trace', async () => {
  const running = await start();
  expect((await fetch(`${running.url}/healthz`)).status).toBe(200);
  await running.stop();
  expect(telemetry.spans).toEqual([]);
});

test('answers what it has begun before SIGTERM ends it', async () => {
  behaviour.medianMs = 400;
  const running = await start();
  const exited = once(running.process, 'exit');
  const underWay = once(modelServer, 'request');
  const answer = running.chat(QUESTION);
  await underWay;
  running.process.kill('SIGTERM');
  expect((await answer).status).toBe(200);
  expect(await exited).toEqual([0, null]);
  expect(span('POST /api/chat')).toBeDefined();
});

test('serves and ends well when its telemetry endpoint is down', async () => {
  const gone = await listen(() => {});
  await gone.close();
  const running = await start({ HONEYCOMB_API_ENDPOINT: gone.url });
  expect((await running.chat(QUESTION)).status).toBe(200);
  expect(await running.stop()).toBe(0);
});

test('ends when the process that started it is gone', async () => {
  const running = await start();
  const exited = once(running.process, 'exit');
  running.process.stdin?.end();
  expect(await exited).toEqual([0, null]);
});
