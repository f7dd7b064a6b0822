import { otlpTypes } from '../src/collector/otlp-schema.ts';
import { routes } from './diagnose-routes.ts';

/** What an exporter's batch processor sends at once by default. */
const BATCH = 512;
/** Requests under way at a time, as from a few services. */
const SENDERS = 4;

/** Spans a second that the collector takes over OTLP (protobuf) and has on disk and related, JavaScript and DuckDB together. */
export async function ingestRate(url: string, wanted: number, now: number): Promise<number> {
  const bodies = exports(wanted, now);
  const spans = bodies.reduce((sum, body) => sum + body.spans, 0);
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (;;) {
        const body = bodies[next++];
        if (body === undefined) return;
        const answer = await fetch(`${url}/v1/traces`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/x-protobuf' },
          body: body.bytes,
        });
        if (!answer.ok) throw new Error(`The collector answered ${answer.status} to spans.`);
        await answer.arrayBuffer();
      }
    }),
  );
  // Any question waits until all that was acknowledged is on disk.
  const answer = await fetch(`${url}/1/datasets`, { headers: { 'X-Honeycomb-Team': 'local' } });
  await answer.arrayBuffer();
  return spans / ((performance.now() - started) / 1000);
}

/** Exports as they come: each service sends its spans of some requests, children before parents. */
function exports(wanted: number, now: number): { spans: number; bytes: Uint8Array<ArrayBuffer> }[] {
  const waiting = new Map<string, object[]>();
  const bodies: { spans: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
  let made = 0;
  for (let trace = 0; made < wanted; trace++) {
    for (const span of (routes[trace % routes.length] ?? []).toReversed()) {
      const spans = waiting.get(span.service) ?? [];
      waiting.set(span.service, spans);
      const start = now - 60_000 + (trace % 50_000) + span.index;
      const attributes = {
        'server.address': span.address,
        'server.port': span.address === null ? null : span.database === null ? 443 : 5432,
        'db.system.name': span.database,
        'http.route': span.route,
        'http.response.status_code': span.route === null ? null : 200,
      };
      spans.push({
        traceId: bytes(trace, 0, 16),
        spanId: bytes(trace, span.index + 1, 8),
        ...(span.parent !== null && { parentSpanId: bytes(trace, span.parent + 1, 8) }),
        name: span.name,
        kind: ['', 'internal', 'server', 'client', 'producer', 'consumer'].indexOf(span.kind),
        startTimeUnixNano: `${start}000000`,
        endTimeUnixNano: `${start + Math.ceil(span.ms) + span.size}${String(trace % 1_000_000).padStart(6, '0')}`,
        attributes: keyValues(attributes),
      });
      made++;
      if (spans.length === BATCH) {
        bodies.push({ spans: BATCH, bytes: encode(span.service, spans) });
        waiting.delete(span.service);
      }
    }
  }
  return bodies;
}

function encode(service: string, spans: readonly object[]): Uint8Array<ArrayBuffer> {
  const resource = {
    'service.name': service,
    'service.instance.id': `${service}-1`,
    'service.version': '1.4.2',
    'cloud.region': 'eu-central-1',
  };
  const message = otlpTypes.traces.fromObject({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope: { name: '@opentelemetry/instrumentation-http' }, spans }],
      },
    ],
  });
  return Uint8Array.from(otlpTypes.traces.encode(message).finish());
}

function keyValues(attributes: Readonly<Record<string, string | number | null>>): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === null
      ? []
      : [{ key, value: typeof value === 'string' ? { stringValue: value } : { intValue: value } }],
  );
}

function bytes(trace: number, span: number, length: 8 | 16): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.writeUInt32BE(trace + 1, 0);
  buffer.writeUInt32BE(span, length - 4);
  return buffer;
}
