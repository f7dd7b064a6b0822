import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind, trace } from '@opentelemetry/api';
import type { Prompt } from './prompt.ts';
import { portOf } from './retrieval.ts';
import { failSpan, postJson, UpstreamError } from './upstream.ts';

const MAX_TOKENS = 400;
const TIMEOUT_MS = 30_000;
/** As the provider's own SDKs do it: two retries, the pause doubling, a quarter of it left to chance. */
const RETRIES = 2;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** Asks the model server, and again when it turned the call away; returns its answer as it came. */
export async function complete(server: URL, model: string, prompt: Prompt): Promise<unknown> {
  for (let resent = 0; ; resent += 1) {
    try {
      return await callOnce(server, model, prompt, resent);
    } catch (thrown) {
      if (resent === RETRIES || !(thrown instanceof UpstreamError) || !isTurnedAway(thrown)) throw thrown;
      await sleep(thrown.retryAfterMs ?? pauseBefore(resent + 1));
    }
  }
}

/** Too many requests, or no server free: the same call may well be taken a little later. */
function isTurnedAway(error: UpstreamError): boolean {
  return error.kind === '429' || error.kind === '503';
}

function pauseBefore(retry: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (retry - 1), LONGEST_PAUSE_MS) * (1 - 0.25 * Math.random());
}

/** One call in OpenAI's wire format, one span. */
async function callOnce(server: URL, model: string, prompt: Prompt, resent: number): Promise<unknown> {
  const options = {
    kind: SpanKind.CLIENT,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      // The name before version 1.37 of the conventions; queries of both generations find the span.
      'gen_ai.system': 'openai',
      'gen_ai.request.model': model,
      'gen_ai.request.max_tokens': MAX_TOKENS,
      'server.address': server.hostname,
      'server.port': portOf(server),
      ...(resent === 0 ? {} : { 'http.request.resend_count': resent }),
    },
  };
  return trace.getTracer('otel-ai-chatbot').startActiveSpan(`chat ${model}`, options, async (span) => {
    try {
      const answer = await postJson(
        'model server',
        completionsUrl(server),
        { model, messages: prompt.messages, max_tokens: MAX_TOKENS },
        TIMEOUT_MS,
      );
      const known = answer as CompletionFacts | null;
      setText('gen_ai.response.model', known?.model);
      setText('gen_ai.response.id', known?.id);
      setCount('gen_ai.usage.input_tokens', known?.usage?.prompt_tokens);
      setCount('gen_ai.usage.output_tokens', known?.usage?.completion_tokens);
      return answer;
    } catch (thrown) {
      failSpan(span, thrown);
      throw thrown;
    } finally {
      span.end();
    }

    function setText(name: string, value: unknown): void {
      if (typeof value === 'string') span.setAttribute(name, value);
    }
    function setCount(name: string, value: unknown): void {
      if (typeof value === 'number') span.setAttribute(name, value);
    }
  });
}

interface CompletionFacts {
  readonly id?: unknown;
  readonly model?: unknown;
  readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown };
}

/** Base addresses of OpenAI-compatible servers are written with and without their `/v1`. */
function completionsUrl(server: URL): URL {
  const base = server.pathname.replace(/\/+$/, '');
  return new URL(`${base.endsWith('/v1') ? base : `${base}/v1`}/chat/completions`, server);
}
