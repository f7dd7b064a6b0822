import protobuf from 'protobufjs/light.js';

type Field = readonly [id: number, type: string];
const repeated = (id: number, type: string) => ({ id, type, rule: 'repeated' });
const one = ([id, type]: Field) => ({ id, type });

function message(
  fields: Record<string, Field | ReturnType<typeof repeated>>,
  oneof?: Record<string, readonly string[]>,
): protobuf.IType {
  const entries = Object.entries(fields).map(([name, field]) => [
    name,
    'id' in field ? field : one(field as Field),
  ]);
  return {
    fields: Object.fromEntries(entries),
    ...(oneof && {
      oneofs: Object.fromEntries(
        Object.entries(oneof).map(([name, members]) => [name, { oneof: [...members] }]),
      ),
    }),
  };
}

const group = (scopeGroup: string) =>
  message({
    resource: [1, 'Resource'],
    [scopeGroup[0]?.toLowerCase() + scopeGroup.slice(1)]: repeated(2, scopeGroup),
  });

/**
 * The parts of OpenTelemetry's OTLP messages (opentelemetry-proto 1.x, collector and trace, metrics, logs v1)
 * that become columns. Fields not named here are skipped by the decoder.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    AnyValue: message(
      {
        stringValue: [1, 'string'],
        boolValue: [2, 'bool'],
        intValue: [3, 'int64'],
        doubleValue: [4, 'double'],
        arrayValue: [5, 'ArrayValue'],
        kvlistValue: [6, 'KeyValueList'],
        bytesValue: [7, 'bytes'],
      },
      {
        value: [
          'stringValue',
          'boolValue',
          'intValue',
          'doubleValue',
          'arrayValue',
          'kvlistValue',
          'bytesValue',
        ],
      },
    ),
    ArrayValue: message({ values: repeated(1, 'AnyValue') }),
    KeyValueList: message({ values: repeated(1, 'KeyValue') }),
    KeyValue: message({ key: [1, 'string'], value: [2, 'AnyValue'] }),
    Resource: message({ attributes: repeated(1, 'KeyValue') }),
    InstrumentationScope: message({
      name: [1, 'string'],
      version: [2, 'string'],
      attributes: repeated(3, 'KeyValue'),
    }),

    ExportTraceServiceRequest: message({ resourceSpans: repeated(1, 'ResourceSpans') }),
    ResourceSpans: group('ScopeSpans'),
    ScopeSpans: message({ scope: [1, 'InstrumentationScope'], spans: repeated(2, 'Span') }),
    Span: message({
      traceId: [1, 'bytes'],
      spanId: [2, 'bytes'],
      traceState: [3, 'string'],
      parentSpanId: [4, 'bytes'],
      name: [5, 'string'],
      kind: [6, 'int32'],
      startTimeUnixNano: [7, 'fixed64'],
      endTimeUnixNano: [8, 'fixed64'],
      attributes: repeated(9, 'KeyValue'),
      events: repeated(11, 'SpanEvent'),
      links: repeated(13, 'SpanLink'),
      status: [15, 'Status'],
    }),
    SpanEvent: message({
      timeUnixNano: [1, 'fixed64'],
      name: [2, 'string'],
      attributes: repeated(3, 'KeyValue'),
    }),
    SpanLink: message({ traceId: [1, 'bytes'], spanId: [2, 'bytes'], attributes: repeated(4, 'KeyValue') }),
    Status: message({ message: [2, 'string'], code: [3, 'int32'] }),

    ExportMetricsServiceRequest: message({ resourceMetrics: repeated(1, 'ResourceMetrics') }),
    ResourceMetrics: group('ScopeMetrics'),
    ScopeMetrics: message({ scope: [1, 'InstrumentationScope'], metrics: repeated(2, 'Metric') }),
    Metric: message({
      name: [1, 'string'],
      unit: [3, 'string'],
      gauge: [5, 'NumberPoints'],
      sum: [7, 'NumberPoints'],
      histogram: [9, 'HistogramPoints'],
      exponentialHistogram: [10, 'ExponentialHistogramPoints'],
      summary: [11, 'SummaryPoints'],
    }),
    NumberPoints: message({
      dataPoints: repeated(1, 'NumberDataPoint'),
      aggregationTemporality: [2, 'int32'],
      isMonotonic: [3, 'bool'],
    }),
    NumberDataPoint: message(
      {
        timeUnixNano: [3, 'fixed64'],
        asDouble: [4, 'double'],
        asInt: [6, 'sfixed64'],
        attributes: repeated(7, 'KeyValue'),
        flags: [8, 'uint32'],
      },
      { value: ['asDouble', 'asInt'] },
    ),
    HistogramPoints: message({ dataPoints: repeated(1, 'HistogramDataPoint') }),
    HistogramDataPoint: message({
      timeUnixNano: [3, 'fixed64'],
      count: [4, 'fixed64'],
      sum: [5, 'double'],
      bucketCounts: repeated(6, 'fixed64'),
      explicitBounds: repeated(7, 'double'),
      attributes: repeated(9, 'KeyValue'),
      min: [11, 'double'],
      max: [12, 'double'],
    }),
    ExponentialHistogramPoints: message({ dataPoints: repeated(1, 'ExponentialHistogramDataPoint') }),
    ExponentialHistogramDataPoint: message({
      attributes: repeated(1, 'KeyValue'),
      timeUnixNano: [3, 'fixed64'],
      count: [4, 'fixed64'],
      sum: [5, 'double'],
      min: [12, 'double'],
      max: [13, 'double'],
    }),
    SummaryPoints: message({ dataPoints: repeated(1, 'SummaryDataPoint') }),
    SummaryDataPoint: message({
      timeUnixNano: [3, 'fixed64'],
      count: [4, 'fixed64'],
      sum: [5, 'double'],
      quantileValues: repeated(6, 'ValueAtQuantile'),
      attributes: repeated(7, 'KeyValue'),
    }),
    ValueAtQuantile: message({ quantile: [1, 'double'], value: [2, 'double'] }),

    ExportLogsServiceRequest: message({ resourceLogs: repeated(1, 'ResourceLogs') }),
    ResourceLogs: group('ScopeLogs'),
    ScopeLogs: message({ scope: [1, 'InstrumentationScope'], logRecords: repeated(2, 'LogRecord') }),
    LogRecord: message({
      timeUnixNano: [1, 'fixed64'],
      severityNumber: [2, 'int32'],
      severityText: [3, 'string'],
      body: [5, 'AnyValue'],
      attributes: repeated(6, 'KeyValue'),
      traceId: [9, 'bytes'],
      spanId: [10, 'bytes'],
      observedTimeUnixNano: [11, 'fixed64'],
    }),

    PartialSuccess: message({ rejected: [1, 'int64'], errorMessage: [2, 'string'] }),
    ExportResponse: message({ partialSuccess: [1, 'PartialSuccess'] }),
    RpcStatus: message({ code: [1, 'int32'], message: [2, 'string'] }),
  },
});

export const otlpTypes = {
  traces: root.lookupType('ExportTraceServiceRequest'),
  metrics: root.lookupType('ExportMetricsServiceRequest'),
  logs: root.lookupType('ExportLogsServiceRequest'),
  response: root.lookupType('ExportResponse'),
  status: root.lookupType('RpcStatus'),
};
