import { z } from 'zod';
import type { QueryAnswer } from '../../telemetry/query.ts';
import { iso } from '../answer.ts';
import { page, readCursor } from '../page.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { granularity, latencyRow, latencySpec, optionalColumns, seriesOf } from './latency.ts';
import { cursorInput, lookbackInput, nameInput, windowBefore } from './window.ts';

const SERIES_CHARACTERS = 3_000;

export const queryLatency = defineTool({
  name: 'query_latency',
  title: 'Query latency',
  description:
    'Latency percentiles (ms), counts and errors by operation, or by another column. With service and operation given, also over time. Costs one query.',
  input: z.strictObject({
    service: nameInput.optional(),
    operation: nameInput.optional(),
    groupBy: nameInput.optional().describe('Column to break down by, e.g. http.route'),
    lookbackMinutes: lookbackInput,
    cursor: cursorInput,
  }),
  output: z.object({
    from: z.string(),
    to: z.string(),
    rows: z.array(
      z.looseObject({
        group: z.record(z.string(), z.unknown()),
        count: z.number(),
        errors: z.number(),
        p50: z.number(),
        p95: z.number(),
        p99: z.number(),
      }),
    ),
    series: z.array(z.looseObject({ time: z.string(), p95: z.number() })).optional(),
    total: z.number(),
    nextCursor: z.string().optional(),
    note: z.string().optional(),
    url: z.string().optional(),
  }),
  annotations: READ_ONLY,
  async handler(input, { runtime, signal }) {
    const cursor = readCursor(input.cursor, runtime.now());
    const minutes = input.lookbackMinutes ?? runtime.lookbackMinutes;
    const window = windowBefore(cursor.at, minutes);
    const overTime = input.service !== undefined && input.operation !== undefined && cursor.offset === 0;
    const breakdowns = ['service.name', 'name', ...(input.groupBy === undefined ? [] : [input.groupBy])];
    const store = await runtime.telemetry();
    const optional = await optionalColumns(store, runtime.dataset, signal);
    const answer = await store.run(
      runtime.dataset,
      latencySpec(breakdowns, input, granularity(minutes), optional),
      window,
      { signal, series: overTime && input.groupBy === undefined },
    );
    const series = overTime ? seriesOf(answer) : [];
    const { items, total, nextCursor } = page(
      answer.rows.map((row) => latencyRow(row, breakdowns)),
      cursor,
      series.length > 0 ? SERIES_CHARACTERS : undefined,
    );
    return {
      from: iso(window.start),
      to: iso(window.end),
      rows: [...items],
      ...(series.length > 0 ? { series } : {}),
      total,
      nextCursor,
      note: noteOf(answer),
      url: answer.url,
    };
  },
});

function noteOf(answer: QueryAnswer): string | undefined {
  if (answer.rows.length === 0) {
    return 'No spans match in this window: check the names with list_services, or look further back.';
  }
  return answer.truncated
    ? 'The store cut the rows at its limit; there are more groups than these.'
    : undefined;
}
