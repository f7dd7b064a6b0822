import { z } from 'zod';
import type { QueryAnswer, Row } from '../../telemetry/query.ts';
import { iso, line } from '../answer.ts';
import { page, readCursor } from '../page.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { granularity, latencySpec, optionalColumns, percentiles } from './latency.ts';
import { cursorInput, lookbackInput, windowBefore } from './window.ts';

/** Operations shown with each service; query_latency lists the others. */
const OPERATIONS = 4;

export const listServices = defineTool({
  name: 'list_services',
  title: 'List services',
  description: 'Services in the telemetry, busiest first, with their slowest operations.',
  input: z.strictObject({ lookbackMinutes: lookbackInput, cursor: cursorInput }),
  output: z.object({
    store: z.string(),
    dataset: z.string(),
    from: z.string(),
    to: z.string(),
    services: z.array(
      z.object({
        service: z.string(),
        spans: z.number(),
        errors: z.number(),
        slowest: z.array(z.looseObject({ operation: z.string(), p95Ms: z.number() })),
        moreOperations: z.number(),
      }),
    ),
    total: z.number(),
    nextCursor: z.string().optional(),
    note: z.string().optional(),
  }),
  annotations: READ_ONLY,
  async handler(input, { runtime, signal }) {
    const cursor = readCursor(input.cursor, runtime.now());
    const minutes = input.lookbackMinutes ?? runtime.lookbackMinutes;
    const window = windowBefore(cursor.at, minutes);
    const store = await runtime.telemetry();
    const optional = await optionalColumns(store, runtime.dataset, signal);
    const answer = await store.run(
      runtime.dataset,
      latencySpec(['service.name', 'name'], {}, granularity(minutes), optional),
      window,
      { signal },
    );
    const services = byService(answer.rows);
    const { items, total, nextCursor } = page(services, cursor);
    return {
      store: store.name,
      dataset: runtime.dataset,
      from: iso(window.start),
      to: iso(window.end),
      services: [...items],
      total,
      nextCursor,
      note: noteOf(answer),
    };
  },
});

/** A type, not an interface: answers are objects that may hold more. */
type Operation = {
  readonly operation: string;
  readonly count: number;
  readonly errors: number;
  readonly p95Ms: number;
};

function byService(rows: readonly Row[]) {
  const services = new Map<string, Operation[]>();
  for (const row of rows) {
    const service = row['service.name'];
    if (typeof service !== 'string') continue;
    const { count, errors, p95 } = percentiles(row);
    const operations = services.get(service) ?? [];
    operations.push({ operation: line(String(row['name'] ?? ''), 160), count, errors, p95Ms: p95 });
    services.set(service, operations);
  }
  return [...services]
    .map(([service, operations]) => ({
      service: line(service, 120),
      spans: sum(operations, 'count'),
      errors: sum(operations, 'errors'),
      slowest: operations.toSorted((a, b) => b.p95Ms - a.p95Ms).slice(0, OPERATIONS),
      moreOperations: Math.max(0, operations.length - OPERATIONS),
    }))
    .sort((a, b) => b.spans - a.spans || (a.service < b.service ? -1 : 1));
}

function sum(operations: readonly Operation[], field: 'count' | 'errors'): number {
  return operations.reduce((total, operation) => total + operation[field], 0);
}

function noteOf({ rows, truncated }: QueryAnswer): string | undefined {
  if (rows.length === 0) return 'No spans in this window: look further back, or check the dataset.';
  return truncated ? 'The store cut the rows at its limit: the fastest operations are missing.' : undefined;
}
