import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { EventStore } from '../src/collector/event-store.ts';
import { diagnose } from '../src/diagnosis/diagnose.ts';
import type { Diagnosis } from '../src/diagnosis/diagnosis.ts';
import { startCollector } from '../src/telemetry/collector-process.ts';
import { HoneycombClient } from '../src/telemetry/honeycomb.ts';
import {
  ALL_DATASETS,
  type QuerySpec,
  type TelemetryStore,
  type TimeWindow,
} from '../src/telemetry/query.ts';
import { ingestRate } from './diagnose-ingest.ts';
import { heavyQueries } from './diagnose-queries.ts';
import { CULPRIT } from './diagnose-routes.ts';
import { SECONDS, START, writeSpans } from './diagnose-spans.ts';

const SIZES = [200_000, 2_000_000];
const LARGE = 20_000_000;
const RUNS = 9;
const LARGE_RUNS = 3;
const INGESTED = 100_000;
const AIM = 4;
const SCAN = 'SELECT "service.name", name, quantile_cont(duration_ms, 0.95) FROM events GROUP BY ALL';

interface Figures {
  readonly spans: number;
  readonly scan: number;
  readonly diagnosis: number;
}

/**
 * What a diagnosis costs beside one bare scan of the same spans, in one run: the whole `diagnose()` through the
 * collector's process and protocol, alternating with P95 by operation in DuckDB on a copy of the same file, on the
 * same number of threads. `npm run bench -- diagnose [--large]`; --large adds 20 million spans, for minutes.
 */
export default async function diagnoseBench(args: readonly string[]): Promise<void> {
  const sizes = args.includes('--large') ? [...SIZES, LARGE] : SIZES;
  const all: Figures[] = [];
  for (const size of sizes) all.push(await measure(size));
  console.log('');
  for (const [index, figures] of all.entries()) {
    const before = all[index - 1];
    const grown =
      before === undefined
        ? ''
        : `${(figures.spans / before.spans).toFixed(1)} × the spans: ${(figures.diagnosis / before.diagnosis).toFixed(1)} × the time`;
    const ratio = figures.diagnosis / figures.scan;
    console.log(
      `${thousands(figures.spans).padStart(12)} spans  scan ${ms(figures.scan)}  diagnosis ${ms(figures.diagnosis)}  ${ratio.toFixed(2).padStart(6)} × the scan  ${grown}`.trimEnd(),
    );
  }
  console.log(`aim: at most ${AIM} × at ${thousands(SIZES.at(-1) ?? 0)} spans, and linear growth from there`);
  console.log(`ingest over OTLP: ${thousands(await measureIngest())} spans/s`);
}

async function measure(wanted: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'plumbline-bench-'));
  try {
    const data = join(directory, 'data');
    await mkdir(data);
    const file = join(data, 'events.duckdb');
    const spans = await writeSpans(file, wanted);
    await settle(data);
    // The collector keeps its file locked.
    const copy = join(directory, 'scan.duckdb');
    await copyFile(file, copy);
    const collector = await startCollector({ script: collectorScript(), port: 0, dataDirectory: data });
    const instance = await DuckDBInstance.create(copy, { threads: String(availableParallelism()) });
    try {
      const connection = await instance.connect();
      const runs = wanted >= LARGE ? LARGE_RUNS : RUNS;
      const scans: number[] = [];
      const diagnoses: number[] = [];
      let last = await timedDiagnosis(collector.url, 0);
      for (let run = 1; run <= runs; run += 1) {
        scans.push(await timed(async () => void (await connection.runAndReadAll(SCAN))));
        last = await timedDiagnosis(collector.url, run);
        diagnoses.push(last.ms);
      }
      console.log(`\n${thousands(spans)} spans, medians of ${runs} alternating runs`);
      report(last.diagnosis);
      for (const [name, figure] of await queryTimes(collector.url, last.asked, runs))
        console.log(`  ${name.padEnd(42)}${ms(figure)}`);
      connection.closeSync();
      return { spans, scan: median(scans), diagnosis: median(diagnoses) };
    } finally {
      instance.closeSync();
      await collector.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A store that was filled from outside is put in order in the background: that belongs to ingest, and is awaited here. */
async function settle(directory: string): Promise<void> {
  const store = await EventStore.open({ directory, log: () => {} });
  await store.settle();
  await store.close();
}

interface Asked {
  readonly spec: QuerySpec;
  readonly window: TimeWindow;
  readonly series: boolean;
}

/** A client of its own and another end of the look-back each time: nothing is answered from a cache. */
async function timedDiagnosis(
  url: string,
  run: number,
): Promise<{ ms: number; diagnosis: Diagnosis; asked: readonly Asked[] }> {
  const asked: Asked[] = [];
  const telemetry = noting(client(url), (one) => asked.push(one));
  const now = (START + SECONDS + 30 + run) * 1000;
  const lookbackMinutes = SECONDS / 60 + 2;
  const started = performance.now();
  const diagnosis = await diagnose(
    { lookbackMinutes },
    { telemetry, metrics: null, stacks: null, now },
    AbortSignal.timeout(600_000),
  );
  return { ms: performance.now() - started, diagnosis, asked };
}

/** Each of the questions by itself, and the heavy ones; milliseconds. */
async function queryTimes(
  url: string,
  asked: readonly Asked[],
  runs: number,
): Promise<readonly (readonly [string, number])[]> {
  const names = ['entries', 'calls', 'instances', 'exemplars'];
  const longest = asked[0]?.window ?? { start: START * 1000, end: (START + SECONDS) * 1000 };
  const questions: (readonly [string, Asked])[] = [
    ...asked.map((one, index) => [`${names[index] ?? 'another'}, alone`, one] as const),
    ...heavyQueries(longest).map(([name, spec]) => [name, { spec, window: longest, series: false }] as const),
  ];
  const figures: (readonly [string, number])[] = [];
  for (const [name, { spec, window, series }] of questions) {
    const times: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const store = client(url);
      const moved = { start: window.start - run * 1000, end: window.end };
      times.push(await timed(async () => void (await store.run(ALL_DATASETS, spec, moved, { series }))));
    }
    figures.push([name, median(times)]);
  }
  return figures;
}

function report({ verdict, causes, requests }: Diagnosis): void {
  const [first] = causes;
  const named =
    first === undefined
      ? 'nobody'
      : `${first.target.service} ${first.target.operation ?? ''} (${first.kind}, confidence ${first.confidence.toFixed(2)})`;
  console.log(`  verdict ${verdict}: ${named}, ${requests} requests`);
  if (
    verdict === 'nothing-wrong' ||
    verdict === 'undetermined' ||
    first?.target.service !== CULPRIT.service
  ) {
    console.log(`  WRONG: it is ${CULPRIT.service} ${CULPRIT.name}`);
    process.exitCode = 1;
  }
}

async function measureIngest(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'plumbline-bench-'));
  try {
    const collector = await startCollector({ script: collectorScript(), port: 0, dataDirectory: directory });
    try {
      // The first spans find a cold process.
      await ingestRate(collector.url, INGESTED / 10, Date.now());
      return Math.round(await ingestRate(collector.url, INGESTED, Date.now()));
    } finally {
      await collector.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function noting(store: TelemetryStore, note: (asked: Asked) => void): TelemetryStore {
  return {
    name: store.name,
    get computesOverParents() {
      return store.computesOverParents;
    },
    get requests() {
      return store.requests;
    },
    datasets: (signal) => store.datasets(signal),
    columns: (dataset, signal) => store.columns(dataset, signal),
    markers: (dataset, signal) => store.markers(dataset, signal),
    mark: (dataset, marker, signal) => store.mark(dataset, marker, signal),
    run: (dataset, spec, window, options) => {
      note({ spec, window, series: options?.series === true });
      return store.run(dataset, spec, window, options);
    },
  };
}

function client(url: string): HoneycombClient {
  return new HoneycombClient({ apiUrl: url, apiKey: async () => 'local' });
}

function collectorScript(): string {
  return fileURLToPath(new URL('../src/collector/main.ts', import.meta.url));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}
