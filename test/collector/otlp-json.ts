type Value = string | number | boolean | readonly string[];

export interface TestSpan {
  readonly name?: string;
  readonly spanId?: string;
  readonly parentId?: string;
  readonly traceId?: string;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly durationMs: number;
  readonly error?: boolean;
  readonly attributes?: Readonly<Record<string, Value>>;
}

let counter = 0;

/** A trace export in OTLP's JSON. Whole numbers become integers, others doubles. */
export function tracesJson(service: string, spans: readonly TestSpan[]): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributes({ 'service.name': service }) },
        scopeSpans: [{ scope: { name: 'test' }, spans: spans.map(spanJson) }],
      },
    ],
  });
}

function spanJson(span: TestSpan): object {
  counter++;
  const start = BigInt(Math.round(span.start * 1000)) * 1000n;
  return {
    traceId: span.traceId ?? counter.toString(16).padStart(32, '0'),
    spanId: span.spanId ?? counter.toString(16).padStart(16, '0'),
    ...(span.parentId !== undefined && { parentSpanId: span.parentId }),
    name: span.name ?? 'span',
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(Math.round(span.durationMs * 1e6))),
    attributes: attributes(span.attributes ?? {}),
    status: span.error ? { code: 2, message: 'failed' } : {},
  };
}

function attributes(values: Readonly<Record<string, Value>>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

export async function sendTraces(url: string, service: string, spans: readonly TestSpan[]): Promise<void> {
  const response = await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: tracesJson(service, spans),
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
}
