import { Problem } from '../problem.ts';
import type { OtlpNode } from './otlp-nodes.ts';
import { otlpTypes } from './otlp-schema.ts';

export type OtlpSignal = 'traces' | 'metrics' | 'logs';
export type OtlpEncoding = 'protobuf' | 'json';

/** The encoding a Content-Type header names, or undefined for one that OTLP/HTTP does not have. */
export function encodingOf(contentType: string | undefined): OtlpEncoding | undefined {
  switch (contentType?.split(';')[0]?.trim().toLowerCase()) {
    case 'application/x-protobuf':
    case 'application/protobuf':
      return 'protobuf';
    case 'application/json':
      return 'json';
    default:
      return undefined;
  }
}

/** Decodes one export request. Throws a `bad-input` Problem when the body is not one. */
export function decodeOtlp(signal: OtlpSignal, encoding: OtlpEncoding, body: Uint8Array): OtlpNode {
  try {
    if (encoding === 'protobuf') return otlpTypes[signal].decode(body) as unknown as OtlpNode;
    const parsed: unknown = JSON.parse(
      Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'),
    );
    if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
      throw new Error('not a JSON object');
    return parsed as OtlpNode;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      'bad-input',
      `The body is not an OTLP ${signal} request in ${encoding === 'json' ? 'JSON' : 'protobuf'}: ${reason.slice(0, 200)}`,
      'Check the exporter and what stands between it and the collector.',
      { cause: error },
    );
  }
}

/** The answer to an export; `warning` says what was taken in but not wholly kept. */
export function encodeOtlpResponse(encoding: OtlpEncoding, signal: OtlpSignal, warning?: string): Uint8Array {
  if (encoding === 'protobuf') {
    const message = warning === undefined ? {} : { partialSuccess: { errorMessage: warning } };
    return otlpTypes.response.encode(otlpTypes.response.create(message)).finish();
  }
  const rejected = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' }[
    signal
  ];
  return Buffer.from(
    JSON.stringify(
      warning === undefined ? {} : { partialSuccess: { [rejected]: '0', errorMessage: warning } },
    ),
  );
}

/** An error answer: a google.rpc.Status in the request's encoding (code 3 is INVALID_ARGUMENT). */
export function encodeOtlpStatus(encoding: OtlpEncoding, code: number, message: string): Uint8Array {
  if (encoding === 'protobuf') {
    return otlpTypes.status.encode(otlpTypes.status.create({ code, message })).finish();
  }
  return Buffer.from(JSON.stringify({ code, message }));
}
