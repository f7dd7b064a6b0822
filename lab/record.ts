import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { DuckDBInstance } from '@duckdb/node-api';
import { quoteIdentifier } from '../src/collector/schema.ts';
import type { DiagnosisRequest } from '../src/diagnosis/gather/gather.ts';
import type { CloudWatchMetrics } from '../src/infrastructure/aws/cloudwatch.ts';
import type { MetricQuery, StackSource } from '../src/infrastructure/model.ts';
import type { Marker, TelemetryStore } from '../src/telemetry/query.ts';
import { ALL_DATASETS } from '../src/telemetry/query.ts';
import type { Lab } from './lab.ts';
import { CHECKOUT } from './servers.ts';

/** Internal columns that a replay needs; keys are made anew from the ids. */
const ALWAYS = ['time', 'dataset', 'sample_rate'];
/** Columns that say something about this machine or its telemetry's library, or a number anew for each span. */
const LEFT_OUT =
  /^(trace_key|span_key|parent_key|plumbline_|process\.|host\.|telemetry\.|library\.|honeycomb\.|thread\.|net\.(host|peer|sock)\.|http\.(host|url|user_agent|client_ip|request_content|flavor)|gen_ai\.response\.id|container\.id|aws\.ecs\.container\.arn|cloud\.account\.id|exception\.|meta\.time_since|parent_name|SampleRate)/;
const STATISTICS = ['average', 'maximum', 'sum'] as const;
const MOST_UPDATES = 50;

/** The ports of a diagnosis that can be read in full. */
interface RecordedPorts {
  readonly telemetry: TelemetryStore;
  readonly stacks: StackSource;
  readonly metrics: CloudWatchMetrics;
}

/**
 * Writes what a diagnosis of the lab could read, so that it can be replayed without the lab: `spans.parquet`,
 * `metrics.json` (one MetricBatch of every series there is), `case.json` (request, now, markers, stacks with their
 * updates). Paths of this machine are replaced.
 */
export async function record(
  dir: string,
  lab: Lab,
  asked: { readonly request: DiagnosisRequest; readonly now: number },
  ports: RecordedPorts,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await recordSpans(join(dir, 'spans.parquet'), lab.collectorDataDir);
  const window = { start: lab.started, end: asked.now };
  const batch = await ports.metrics.batch(await everyMetric(lab, signal), window, signal);
  const measured = { ...batch, series: batch.series.filter(({ points }) => points.length > 0) };
  await writeJson(join(dir, 'metrics.json'), measured, lab);

  const stacks = [];
  for (const ref of await ports.stacks.stacks(signal)) {
    stacks.push({
      snapshot: await ports.stacks.snapshot(ref, signal),
      updates: await ports.stacks.updates(ref, MOST_UPDATES, signal),
    });
  }
  const markers: readonly Marker[] = await ports.telemetry.markers(ALL_DATASETS, signal);
  const { scenario, faultyInstance } = lab;
  await writeJson(join(dir, 'case.json'), { scenario, faultyInstance, ...asked, markers, stacks }, lab);
}

/** The collector has the database open, so a copy is read; what it wrote last is in the log beside the file. */
async function recordSpans(parquet: string, dataDir: string): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'plumbline-record-'));
  try {
    for (const file of await readdir(dataDir)) {
      if (file.startsWith('events.duckdb')) await cp(join(dataDir, file), join(copy, file));
    }
    const instance = await DuckDBInstance.create(join(copy, 'events.duckdb'));
    try {
      const connection = await instance.connect();
      const described = await connection.runAndReadAll('DESCRIBE events');
      const columns = described
        .getRowsJS()
        .map(([name]) => String(name))
        .filter((name) => ALWAYS.includes(name) || !LEFT_OUT.test(name));
      await connection.run(
        `COPY (
          SELECT ${columns.map(quoteIdentifier).join(', ')} FROM events
          WHERE duration_ms IS NOT NULL AND "meta.annotation_type" IS NULL ORDER BY "trace.trace_id", time
        ) TO '${parquet.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19)`,
      );
      connection.closeSync();
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Whatever the emulated CloudWatch holds: a later engine may ask for more than today's does. */
async function everyMetric(lab: Lab, signal: AbortSignal): Promise<readonly MetricQuery[]> {
  const client = new CloudWatchClient({
    endpoint: lab.cloudUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
  });
  try {
    const { Metrics = [] } = await client.send(new ListMetricsCommand({}), { abortSignal: signal });
    return Metrics.flatMap((metric) =>
      STATISTICS.map((statistic) => ({
        namespace: metric.Namespace ?? '',
        metric: metric.MetricName ?? '',
        dimensions: Object.fromEntries(
          (metric.Dimensions ?? []).map(({ Name = '', Value = '' }) => [Name, Value]),
        ),
        statistic,
        unit: 'count' as const,
      })),
    ).map((query, index) => ({ ...query, id: `r${index}` }));
  } finally {
    client.destroy();
  }
}

async function writeJson(file: string, content: unknown, lab: Lab): Promise<void> {
  const text = JSON.stringify(content, null, 1)
    .replaceAll(lab.workspaceDir, '/lab/workspace')
    .replaceAll(lab.dir, '/lab/run')
    .replaceAll(CHECKOUT.replace(/\/$/, ''), '/lab/checkout');
  await writeFile(file, `${text}\n`);
}
