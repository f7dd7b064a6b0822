import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { createTablesSql } from '../../src/collector/schema.ts';
import { startCollector } from '../../src/telemetry/collector-process.ts';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import type { TelemetryStore } from '../../src/telemetry/query.ts';
import { addColumn, noteColumns } from '../filled-store.ts';
import { spanColumns } from './span-columns.ts';

export interface SpanStore {
  readonly store: TelemetryStore;
  close(): Promise<void>;
}

/** Columns of the store beyond those that it begins with, by what a file may tell of a span. */
const INSTANCE = 'service.instance.id';
const VERSION = 'service.version';

const COLUMNS = [
  'meta.signal_type',
  'trace.trace_id',
  'trace.span_id',
  'trace.parent_id',
  'name',
  'service.name',
  'duration_ms',
];

/**
 * Fills the event table of a collector from a parquet file of spans, and starts that collector on it: from there on
 * everything goes through the process, the protocol and the client that the product uses.
 */
export async function openSpanStore(parquet: string, signal: AbortSignal): Promise<SpanStore> {
  const directory = await mkdtemp(join(tmpdir(), 'plumbline-rca-'));
  try {
    const data = join(directory, 'data');
    await mkdir(data);
    await load(parquet, join(data, 'events.duckdb'));
    const collector = await startCollector({
      script: fileURLToPath(new URL('../../src/collector/main.ts', import.meta.url)),
      port: 0,
      dataDirectory: data,
      signal,
    });
    return {
      store: new HoneycombClient({ apiUrl: collector.url, apiKey: async () => 'local' }),
      close: async () => {
        await collector.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** DuckDB moves the rows itself: two million spans take seconds, where OTLP would take minutes. */
async function load(parquet: string, database: string): Promise<void> {
  const instance = await DuckDBInstance.create(database, { threads: '2' });
  try {
    const connection = await instance.connect();
    try {
      await connection.run(createTablesSql());
      const described = await connection.runAndReadAll('DESCRIBE SELECT * FROM read_parquet($1)', [parquet]);
      const told = spanColumns(described.getRows().map(([name]) => String(name)));
      const added = [
        [INSTANCE, told.instance],
        [VERSION, told.version],
        ['error', told.error],
        ['span.kind', told.kind],
      ].filter((one): one is [string, string] => one[1] !== null);
      for (const [key] of added.filter(([key]) => key === INSTANCE || key === VERSION)) {
        await addColumn(connection, key, 'string');
      }
      await connection.run(
        `INSERT INTO events (time, dataset, sample_rate, trace_key, span_key, parent_key, "meta.signal_type",
            "trace.trace_id", "trace.span_id", "trace.parent_id", name, "service.name", duration_ms
            ${added.map(([key]) => `, "${key}"`).join('')})
          SELECT CAST(start_us AS BIGINT) * 1000, service, 1, hash(trace_id), hash(trace_id, span_id),
            CASE WHEN parent_id IS NOT NULL THEN hash(trace_id, parent_id) END, 'trace',
            trace_id, span_id, parent_id, name, service, greatest(duration_us, 0) / 1000.0
            ${added.map(([, sql]) => `, ${sql}`).join('')}
          FROM read_parquet($1) ORDER BY start_us`,
        [parquet],
      );
      await noteColumns(connection, [...COLUMNS, ...added.map(([name]) => name)]);
      await connection.run('CHECKPOINT');
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
