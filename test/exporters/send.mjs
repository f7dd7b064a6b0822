// Sends one of everything through OpenTelemetry's own exporters: node send.mjs URL traces-json|traces-proto|metrics|logs
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const GZIP =
  /** @type {NonNullable<NonNullable<ConstructorParameters<typeof ProtoTraceExporter>[0]>['compression']>} */ (
    'gzip'
  );
const [url, what] = process.argv.slice(2);
const resource = resourceFromAttributes({
  'service.name': ` shop-${what} `,
  'deployment.environment': 'test',
  overridden: 'resource',
});

/** @param {import('@opentelemetry/sdk-trace-base').SpanExporter} exporter */
async function sendTraces(exporter) {
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer('the-library', '1.2.3');
  const start = Date.now() - 1000;
  const root = tracer.startSpan('GET /cart', {
    kind: SpanKind.SERVER,
    startTime: start,
    attributes: { overridden: 'span' },
  });
  const other = tracer.startSpan('other', { startTime: start });
  const child = tracer.startSpan(
    'SELECT',
    {
      kind: SpanKind.CLIENT,
      startTime: start + 100,
      links: [{ context: other.spanContext(), attributes: { why: 'follows' } }],
      attributes: {
        text: 'é"\u0001',
        whole: 42,
        fraction: 0.5,
        yes: true,
        list: ['a', 'b'],
        numbers: [1, 2.5],
      },
    },
    trace.setSpan(ROOT_CONTEXT, root),
  );
  child.recordException(new TypeError('it broke'), start + 150);
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' });
  child.end(start + 350);
  root.end(start + 400);
  other.end(start);
  await provider.shutdown();
}

async function sendMetrics() {
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics`, compression: GZIP }),
    exportIntervalMillis: 60_000,
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter('the-meter');
  meter.createCounter('orders', { unit: '{order}' }).add(3, { region: 'eu' });
  meter.createObservableGauge('queue.depth').addCallback((result) => result.observe(7.5));
  const histogram = meter.createHistogram('latency', { unit: 'ms' });
  for (const value of [10, 20, 30, 400]) histogram.record(value);
  await provider.shutdown();
}

async function sendLogs() {
  const provider = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/v1/logs` }) })],
  });
  const logger = provider.getLogger('the-logger');
  logger.emit({ severityNumber: 17, severityText: 'ERROR', body: 'it broke', attributes: { order: 12 } });
  logger.emit({ severityNumber: 9, severityText: 'INFO', body: { message: 'structured', n: 1 } });
  await provider.shutdown();
}

switch (what) {
  case 'traces-json':
    await sendTraces(new JsonTraceExporter({ url: `${url}/v1/traces` }));
    break;
  case 'traces-proto':
    await sendTraces(new ProtoTraceExporter({ url: `${url}/v1/traces`, compression: GZIP }));
    break;
  case 'metrics':
    await sendMetrics();
    break;
  case 'logs':
    await sendLogs();
    break;
  default:
    throw new Error(`unknown: ${what}`);
}
