import { rm } from 'node:fs/promises';
import type { FieldValue } from '../../src/collector/event.ts';
import { EventStore } from '../../src/collector/event-store.ts';
import { type QueryOutcome, QueryResults } from '../../src/collector/query-results.ts';
import { temporaryDirectory } from './running-collector.ts';

export interface TestStore {
  readonly store: EventStore;
  readonly warnings: string[];
  append(
    rows: readonly {
      fields: Record<string, FieldValue>;
      time?: number;
      dataset?: string;
      sampleRate?: number;
    }[],
  ): Promise<void>;
  /** Runs a query over all of the time; undefined is all datasets. */
  query(spec: object, dataset?: string, series?: boolean): Promise<QueryOutcome>;
  close(): Promise<void>;
}

/** Seconds; the time of rows that give none. */
export const T0 = 1_790_000_000;

/** A store in this process, with queries as the API runs them. */
export async function openStore(
  options: { readonly maxColumns?: number; readonly retentionHours?: number } = {},
): Promise<TestStore> {
  const directory = await temporaryDirectory();
  const warnings: string[] = [];
  const store = await EventStore.open({
    directory,
    log: (level, message) => {
      if (level !== 'info') warnings.push(message);
    },
    ...options,
  });
  const results = new QueryResults(store, () => undefined, 10_000);
  return {
    store,
    warnings,
    append: (rows) =>
      store.append(
        rows.map(({ fields, time = T0, dataset = 'd', sampleRate = 1 }) => ({
          time: BigInt(Math.round(time * 1e6)) * 1_000n,
          dataset,
          sampleRate,
          fields: new Map(Object.entries(fields)),
        })),
      ),
    query: async (spec, dataset = 'd', series = false) => {
      await store.flush();
      const named = dataset === '__all__' ? undefined : dataset;
      const { id } = results.create(named, { start_time: T0 - 3_600, end_time: T0 + 3_600, ...spec });
      const run = results.run(named, id, { series, limit: undefined });
      for (;;) {
        const { outcome } = await results.result(named, run.id);
        if (outcome) return outcome;
      }
    },
    close: async () => {
      results.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The data of the only row. */
export function onlyRow(outcome: QueryOutcome): Record<string, unknown> {
  if (outcome.results.length !== 1) throw new Error(`${outcome.results.length} rows`);
  return { ...outcome.results[0]?.data };
}
