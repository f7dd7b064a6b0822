import { trace } from '@opentelemetry/api';

/** One JSON line on stdout, which the platform ships to its log group, with the ids that lead to the trace. */
export function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Record<string, unknown> = {},
): void {
  const context = trace.getActiveSpan()?.spanContext();
  const ids = context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
  process.stdout.write(
    `${JSON.stringify({ time: new Date().toISOString(), level, message, ...ids, ...fields })}\n`,
  );
}
