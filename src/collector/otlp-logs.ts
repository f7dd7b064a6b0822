import type { EventRow } from './event.ts';
import { addAttributes, addValue, type Fields, setField, valueAsText } from './otlp-attributes.ts';
import { child, enumeration, id, integer, type OtlpNode, text } from './otlp-nodes.ts';
import { recordsByScope } from './otlp-resource.ts';
import { sampleRateOf } from './sample-rate.ts';

/** A log export as events. `now` (epoch nanoseconds) is the time of records that carry none. */
export function logEvents(request: OtlpNode, now: bigint): EventRow[] {
  const rows: EventRow[] = [];
  for (const { context, records } of recordsByScope(request, 'resourceLogs', 'scopeLogs', 'logRecords')) {
    for (const record of records) {
      const fields: Fields = new Map(context.fields);
      setField(fields, 'meta.signal_type', 'log');
      const traceId = id(record, 'traceId');
      const spanId = id(record, 'spanId');
      if (traceId !== '') setField(fields, 'trace.trace_id', traceId);
      if (spanId !== '') {
        // A log hangs under its span, so the span's id is its parent: the same as for span events.
        setField(fields, 'trace.parent_id', spanId);
        setField(fields, 'meta.annotation_type', 'span_event');
      }
      const body = child(record, 'body');
      if (body) {
        setField(fields, 'body', valueAsText(body));
        if (child(body, 'kvlistValue')) addValue(fields, 'body', body, 0);
      }
      const severity = text(record, 'severityText');
      if (severity !== '') setField(fields, 'severity_text', severity);
      const severityNumber = enumeration(record, 'severityNumber', []);
      if (severityNumber > 0) {
        setField(fields, 'severity_code', BigInt(severityNumber));
        setField(fields, 'severity', severityName(severityNumber));
      }
      addAttributes(fields, record);
      const time = integer(record, 'timeUnixNano') || integer(record, 'observedTimeUnixNano') || now;
      rows.push({ dataset: context.dataset, time, sampleRate: sampleRateOf(fields, ''), fields });
    }
  }
  return rows;
}

/** OpenTelemetry's six ranges of four severity numbers each. */
function severityName(number: number): string {
  const names = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  return names[Math.floor((number - 1) / 4)] ?? 'unspecified';
}
