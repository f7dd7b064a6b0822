import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { addColumn, noteColumns } from '../../../bench/filled-store.ts';
import {
  type ColumnType,
  createTablesSql,
  HOT_COLUMNS,
  INTERNAL_COLUMNS,
  quoteIdentifier,
} from '../../../src/collector/schema.ts';
import type { DiagnosisPorts, DiagnosisRequest } from '../../../src/diagnosis/gather/gather.ts';
import { periodFor } from '../../../src/infrastructure/aws/cloudwatch.ts';
import type {
  MetricBatch,
  MetricQuery,
  MetricSeries,
  MetricsSource,
  StackSnapshot,
  StackSource,
  StackUpdate,
} from '../../../src/infrastructure/model.ts';
import { startCollector } from '../../../src/telemetry/collector-process.ts';
import { HoneycombClient } from '../../../src/telemetry/honeycomb.ts';
import type { Marker, TimeWindow } from '../../../src/telemetry/query.ts';

/** What `npm start -- --headless --record DIR` writes beside spans and metrics. */
interface RecordedCase {
  readonly scenario: string;
  readonly faultyInstance?: string;
  readonly request: DiagnosisRequest;
  readonly now: number;
  readonly markers: readonly Marker[];
  readonly stacks: readonly {
    readonly snapshot: StackSnapshot;
    readonly updates: readonly StackUpdate[];
  }[];
}

export interface Replay {
  readonly request: DiagnosisRequest;
  readonly ports: DiagnosisPorts;
  /** The task that the lab held back, where it did. */
  readonly faultyInstance: string | undefined;
  close(): Promise<void>;
}

/** Everything that a diagnosis of the recorded lab could read, over the collector's own process and protocol. */
export async function replay(scenario: string): Promise<Replay> {
  const recorded = fileURLToPath(new URL(`./${scenario}/`, import.meta.url));
  const { request, now, markers, stacks, faultyInstance } = await readJson<RecordedCase>(
    join(recorded, 'case.json'),
  );
  const batch = await readJson<MetricBatch>(join(recorded, 'metrics.json'));
  const directory = await mkdtemp(join(tmpdir(), 'plumbline-replay-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const dataDirectory = join(directory, 'data');
    await mkdir(dataDirectory);
    await loadSpans(join(recorded, 'spans.parquet'), join(dataDirectory, 'events.duckdb'));
    const collector = await startCollector({
      script: fileURLToPath(new URL('../../../src/collector/main.ts', import.meta.url)),
      port: 0,
      dataDirectory,
    });
    const telemetry = new HoneycombClient({
      apiUrl: collector.url,
      apiKey: async () => 'local',
      name: 'the recording',
    });
    for (const marker of markers) await telemetry.mark('__all__', marker);
    return {
      request,
      ports: { telemetry, metrics: new RecordedMetrics(batch, now), stacks: recordedStacks(stacks), now },
      faultyInstance,
      close: async () => {
        await collector.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

/** The rows as the collector once wrote them; keys are hashes again, which is all that they have to be. */
async function loadSpans(parquet: string, database: string): Promise<void> {
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  try {
    await connection.run(createTablesSql());
    const described = await connection.runAndReadAll('DESCRIBE SELECT * FROM read_parquet($1)', [parquet]);
    const columns = described
      .getRowsJS()
      .map(([name, type]) => ({ name: String(name), type: String(type) }))
      .filter(({ name }) => !Object.hasOwn(INTERNAL_COLUMNS, name));
    for (const { name, type } of columns) {
      if (HOT_COLUMNS.has(name)) continue;
      await addColumn(connection, name, TYPES[type] ?? 'string');
    }
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    await connection.run(
      `INSERT INTO events (time, dataset, sample_rate, trace_key, span_key, parent_key, ${names})
        SELECT time, dataset, sample_rate, hash("trace.trace_id"), hash("trace.trace_id", "trace.span_id"),
          CASE WHEN "trace.parent_id" IS NOT NULL THEN hash("trace.trace_id", "trace.parent_id") END, ${names}
        FROM read_parquet($1) ORDER BY time`,
      [parquet],
    );
    const keys = columns.map(({ name }) => name);
    await noteColumns(connection, keys, { filled: true });
    await connection.run('CHECKPOINT');
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const TYPES: Readonly<Record<string, ColumnType>> = {
  BIGINT: 'integer',
  DOUBLE: 'float',
  BOOLEAN: 'boolean',
};

/** Answers from the recorded batch as CloudWatch would: whole periods of the window that is asked for. */
class RecordedMetrics implements MetricsSource {
  readonly name = 'the recording';
  readonly #batch: MetricBatch;
  readonly #now: number;

  constructor(batch: MetricBatch, now: number) {
    this.#batch = batch;
    this.#now = now;
  }

  async batch(queries: readonly MetricQuery[], window: TimeWindow): Promise<MetricBatch> {
    const { region } = this.#batch;
    const periodSeconds = periodFor(window, this.#now);
    if (periodSeconds !== this.#batch.periodSeconds) {
      throw new Error(
        `The recording has a point each ${this.#batch.periodSeconds} s; ${periodSeconds} s were asked for.`,
      );
    }
    const period = periodSeconds * 1000;
    const start = Math.floor(window.start / period) * period;
    const end = Math.ceil(window.end / period) * period;
    const recorded = new Map(this.#batch.series.map((series) => [identity(series.query), series]));
    const series = queries.map((query): MetricSeries => {
      const points = (recorded.get(identity(query))?.points ?? []).filter(
        ({ time }) => time >= start && time < end,
      );
      return { id: query.id, query, points, status: points.length > 0 ? 'complete' : 'no-data' };
    });
    return { region, window: { start, end }, periodSeconds, series };
  }
}

function identity({ namespace, metric, dimensions, statistic }: MetricQuery): string {
  const sorted = Object.entries(dimensions).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([namespace, metric, statistic, sorted]);
}

function recordedStacks(stacks: RecordedCase['stacks']): StackSource {
  const find = (fqn: string): RecordedCase['stacks'][number] => {
    const found = stacks.find(({ snapshot }) => snapshot.stack.fqn === fqn);
    if (found === undefined) throw new Error(`There is no recording of ${fqn}.`);
    return found;
  };
  return {
    stacks: async () => stacks.map(({ snapshot }) => snapshot.stack),
    snapshot: async (stack) => find(stack.fqn).snapshot,
    updates: async (stack, limit) => find(stack.fqn).updates.slice(0, limit),
  };
}
