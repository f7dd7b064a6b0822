import { context, propagation, type Span, SpanStatusCode } from '@opentelemetry/api';

/** A peer that failed one request: the chatbot answers 504 when it took too long, 502 for all else. */
export class UpstreamError extends Error {
  readonly peer: string;
  readonly status: 502 | 504;
  /** `timeout`, the HTTP status, or the system's error code: what `error.type` on the span says. */
  readonly kind: string;
  /** What the peer's `Retry-After` asks for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    peer: string,
    kind: string,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined },
  ) {
    super(message, options);
    this.name = 'UpstreamError';
    this.peer = peer;
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
    this.status = kind === 'timeout' ? 504 : 502;
  }
}

/** Posts JSON with the trace's context and returns the parsed answer; throws UpstreamError and nothing else. */
export async function postJson(peer: string, url: URL, body: unknown, timeoutMs: number): Promise<unknown> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  propagation.inject(context.active(), headers);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok) return await response.json();
    await response.body?.cancel();
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'TimeoutError') {
      throw new UpstreamError(peer, 'timeout', `${peer} gave no answer within ${timeoutMs} ms.`, {
        cause: thrown,
      });
    }
    throw new UpstreamError(peer, errorCode(thrown), `${peer} could not be reached or understood.`, {
      cause: thrown,
    });
  }
  throw new UpstreamError(peer, String(response.status), `${peer} answered HTTP ${response.status}.`, {
    retryAfterMs: readRetryAfter(response.headers.get('retry-after')),
  });
}

/** Marks a span as failed, with the attributes that the semantic conventions ask for. */
export function failSpan(span: Span, thrown: unknown): void {
  const kind = thrown instanceof UpstreamError ? thrown.kind : 'internal';
  span.setAttribute('error.type', kind);
  if (/^\d{3}$/.test(kind)) span.setAttribute('http.response.status_code', Number(kind));
  if (thrown instanceof Error) span.recordException(thrown);
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: thrown instanceof Error ? thrown.message : String(thrown),
  });
}

/** Seconds; the header's other form, a date, is left to the backoff. */
function readRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) * 1000 : undefined;
}

function errorCode(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return 'invalid_response';
}
