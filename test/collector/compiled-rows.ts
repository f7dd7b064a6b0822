import type { EventStore } from '../../src/collector/event-store.ts';
import { parseQuery, resolveTime } from '../../src/collector/query-request.ts';
import { compileQuery } from '../../src/collector/query-sql.ts';

export type ParsedRow = readonly unknown[];

/** The rows of a query's statement, with and without derived columns, integers as numbers, in an order of their own. */
export async function readRows(
  store: EventStore,
  spec: object,
  dataset: string,
): Promise<{ derived: readonly ParsedRow[]; plain: readonly ParsedRow[] }> {
  await store.prepareToRead();
  if (store.derived === undefined) throw new Error('The events were not settled.');
  const run = async (derived: EventStore['derived']): Promise<readonly ParsedRow[]> => {
    const query = parseQuery(spec);
    const { sql, values } = compileQuery(query, {
      catalogue: store.catalogue,
      derived,
      dataset,
      time: resolveTime(query.time, 0),
      weighted: store.sampled,
      repeatedSpans: store.delivered.repeated,
      limit: 1_000,
      seriesStep: query.granularity,
    });
    const { rows } = await store.read(sql, values);
    // The place of a row may differ where the first calculation is equal but for a rounding error.
    return rows
      .map(([kind, t, , ...cells]) =>
        [kind, t, ...cells].map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)),
      )
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  };
  return { derived: await run(store.derived), plain: await run(undefined) };
}

function keyOf(row: ParsedRow): string {
  return JSON.stringify(row.map((cell) => (typeof cell === 'number' ? Math.round(cell * 1e3) / 1e3 : cell)));
}
