import type { EventRow } from './event.ts';
import { addAttributes, type Fields, setField } from './otlp-attributes.ts';
import { child, children, enumeration, id, integer, type OtlpNode, text } from './otlp-nodes.ts';
import { recordsByScope, type ScopeContext } from './otlp-resource.ts';
import { sampleRateOf } from './sample-rate.ts';

const KIND_NAMES = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUS_NAMES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];
const STATUS_ERROR = 2;

/** A trace export as events: each span, each of its events and each of its links is a row, as in Honeycomb. */
export function spanEvents(request: OtlpNode): EventRow[] {
  const rows: EventRow[] = [];
  for (const { context, records } of recordsByScope(request, 'resourceSpans', 'scopeSpans', 'spans')) {
    for (const span of records) addSpan(rows, span, context);
  }
  return rows;
}

function addSpan(rows: EventRow[], span: OtlpNode, context: ScopeContext): void {
  const start = integer(span, 'startTimeUnixNano');
  const end = integer(span, 'endTimeUnixNano');
  const events = children(span, 'events');
  const links = children(span, 'links');
  const status = child(span, 'status');
  const statusCode = enumeration(status, 'code', STATUS_NAMES);
  const kind = KINDS[enumeration(span, 'kind', KIND_NAMES)] ?? 'unspecified';
  const name = text(span, 'name');
  const parentId = id(span, 'parentSpanId');

  const fields: Fields = new Map(context.fields);
  setField(fields, 'meta.signal_type', 'trace');
  setField(fields, 'trace.trace_id', id(span, 'traceId'));
  setField(fields, 'trace.span_id', id(span, 'spanId'));
  if (parentId !== '') setField(fields, 'trace.parent_id', parentId);
  setField(fields, 'name', name);
  setField(fields, 'span.kind', kind);
  setField(fields, 'type', kind);
  setField(fields, 'span.num_events', BigInt(events.length));
  setField(fields, 'span.num_links', BigInt(links.length));
  setField(fields, 'status_code', BigInt(statusCode));
  if (statusCode === STATUS_ERROR) setField(fields, 'error', true);
  const message = text(status, 'message');
  if (message !== '') setField(fields, 'status_message', message);
  if (end < start) setField(fields, 'meta.invalid_duration', true);
  setField(fields, 'duration_ms', end < start ? 0 : Number(end - start) / 1e6);
  const traceState = text(span, 'traceState');
  if (traceState !== '') setField(fields, 'trace.trace_state', traceState);
  addAttributes(fields, span);

  const sampleRate = sampleRateOf(fields, traceState);
  const shared = { dataset: context.dataset, sampleRate };
  const exception = events.find((event) => text(event, 'name') === 'exception');
  if (exception) copyException(fields, exception);
  rows.push({ ...shared, time: start, fields });

  for (const event of events) {
    const eventFields = annotation(context, 'span_event', span);
    setField(eventFields, 'name', text(event, 'name'));
    setField(eventFields, 'parent_name', name);
    const time = integer(event, 'timeUnixNano');
    setField(eventFields, 'meta.time_since_span_start_ms', Number(time - start) / 1e6);
    addAttributes(eventFields, event);
    rows.push({ ...shared, time: time === 0n ? start : time, fields: eventFields });
  }
  for (const link of links) {
    const linkFields = annotation(context, 'link', span);
    setField(linkFields, 'trace.link.trace_id', id(link, 'traceId'));
    setField(linkFields, 'trace.link.span_id', id(link, 'spanId'));
    setField(linkFields, 'parent_name', name);
    addAttributes(linkFields, link);
    rows.push({ ...shared, time: start, fields: linkFields });
  }
}

/** A row that belongs to a span without being one: its parent is the span. */
function annotation(context: ScopeContext, type: 'span_event' | 'link', span: OtlpNode): Fields {
  const fields: Fields = new Map(context.fields);
  setField(fields, 'meta.signal_type', 'trace');
  setField(fields, 'meta.annotation_type', type);
  setField(fields, 'trace.trace_id', id(span, 'traceId'));
  setField(fields, 'trace.parent_id', id(span, 'spanId'));
  return fields;
}

function copyException(fields: Fields, event: OtlpNode): void {
  const attributes: Fields = new Map();
  addAttributes(attributes, event);
  for (const [key, value] of attributes) {
    if (key.startsWith('exception.') && !fields.has(key)) setField(fields, key, value);
  }
}
