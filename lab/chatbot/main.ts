import type { AddressInfo } from 'node:net';
import { onParentGone } from '../parent.ts';
import { startTelemetry } from './telemetry.ts';

/* An orchestrator grants 5 s between SIGTERM and SIGKILL: most of it for answers, the rest for telemetry. */
const DRAIN_MS = 3_200;
const FLUSH_MS = 1_500;

const environment = process.env;
const telemetry = startTelemetry(environment);
// Loaded after the instrumentation, which patches node:http when it is first required.
const { createChatServer } = await import('./server.ts');
const { log } = await import('./log.ts');

const server = createChatServer(
  {
    vectorStore: address('VECTOR_STORE_URL'),
    modelServer: address('LLM_URL'),
    model: environment['LLM_MODEL'] || 'gpt-4o-mini',
    retrieval: environment['RETRIEVAL'] === 'terms' ? 'terms' : 'question',
  },
  instanceName(),
);
server.listen(Number(environment['PORT'] ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
server.on('error', (error) => {
  log('error', `The chatbot cannot listen: ${error.message}`);
  process.exit(1);
});

let stopping = false;
async function stop(reason: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  log('info', 'draining', { reason });
  const drained = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that is kept alive becomes idle after its answer only: look again until none is left.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS));
  await Promise.race([drained, limit]);
  clearInterval(idle);
  await telemetry.shutdown(FLUSH_MS);
  process.exit(0);
}
process.once('SIGTERM', () => void stop('SIGTERM'));
process.once('SIGINT', () => void stop('SIGINT'));
onParentGone(() => void stop('parent gone'));

function address(name: string): URL {
  const value = environment[name];
  if (value === undefined || !URL.canParse(value)) {
    process.stderr.write(`${name} must be the address of a server, such as http://127.0.0.1:9200.\n`);
    process.exit(2);
  }
  return new URL(value);
}

function instanceName(): string {
  const given = environment['OTEL_RESOURCE_ATTRIBUTES']?.match(/(?:^|,)service\.instance\.id=([\w-]+)/)?.[1];
  return given ?? String(process.pid);
}
