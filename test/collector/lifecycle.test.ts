import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from 'vitest';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import { sendTraces } from './otlp-json.ts';
import { cleanUp, runCollector, temporaryDirectory } from './running-collector.ts';

afterAll(cleanUp);

const count = async (url: string): Promise<unknown> => {
  const client = new HoneycombClient({ apiUrl: url, apiKey: async () => 'k' });
  const window = { start: Date.now() - 3_600_000, end: Date.now() + 60_000 };
  const answer = await client.run('shop', { calculations: [{ op: 'COUNT' }] }, window);
  return answer.rows[0]?.['COUNT'];
};
/** [operation, its parent, how many], in the order of the operations. */
const parents = async (url: string): Promise<unknown[][]> => {
  const client = new HoneycombClient({ apiUrl: url, apiKey: async () => 'k' });
  const spec = {
    breakdowns: ['name', 'parent.name'],
    calculations: [{ op: 'COUNT' }],
    orders: [{ column: 'name' }],
  } as const;
  const window = { start: Date.now() - 3_600_000, end: Date.now() + 60_000 };
  return (await client.run('shop', spec, window)).rows.map((row) => [
    row['name'],
    row['parent.name'],
    row['COUNT'],
  ]);
};

/** Two spans, the child first. */
const trace = (n: number) => {
  const common = { traceId: String(n + 1).padStart(32, '0'), start: Date.now(), durationMs: 1 };
  return [
    { ...common, name: 'inner', spanId: '2'.padStart(16, '0'), parentId: '1'.padStart(16, '0') },
    { ...common, name: 'outer', spanId: '1'.padStart(16, '0') },
  ];
};

/** The tables as the first released layout had them, with one attribute. */
const LAYOUT_1 = `
  CREATE TABLE plumbline_store (version INTEGER NOT NULL);
  INSERT INTO plumbline_store VALUES (1);
  CREATE TABLE events (time BIGINT, dataset VARCHAR, sample_rate BIGINT, trace_key UBIGINT, span_key UBIGINT, parent_key UBIGINT,
    "meta.signal_type" VARCHAR, "meta.annotation_type" VARCHAR, "trace.trace_id" VARCHAR, "trace.span_id" VARCHAR,
    "trace.parent_id" VARCHAR, name VARCHAR, "service.name" VARCHAR, "span.kind" VARCHAR, duration_ms DOUBLE, error BOOLEAN,
    status_code BIGINT, status_message VARCHAR, team VARCHAR);
  CREATE TABLE event_columns (key_name VARCHAR NOT NULL, column_name VARCHAR NOT NULL, type VARCHAR NOT NULL);
  INSERT INTO event_columns VALUES ('team', 'team', 'string');
  CREATE TABLE dataset_columns (dataset VARCHAR NOT NULL, key_name VARCHAR NOT NULL, created BIGINT NOT NULL);
  INSERT INTO dataset_columns VALUES ('shop', 'team', 0), ('shop', 'name', 0);
  CREATE TABLE markers (id VARCHAR NOT NULL, dataset VARCHAR NOT NULL, start_time BIGINT NOT NULL, end_time BIGINT,
    message VARCHAR NOT NULL, type VARCHAR NOT NULL, url VARCHAR NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL);`;

const spans = (n: number) => Array.from({ length: n }, () => ({ start: Date.now(), durationMs: 1.5 }));

describe('the collector process', () => {
  it('keeps what it acknowledged through SIGTERM and a new start', async () => {
    const first = await runCollector();
    await sendTraces(first.url, 'shop', spans(25));
    expect(await first.end('SIGTERM')).toBe(0);
    expect(existsSync(join(first.directory, 'events.duckdb.wal'))).toBe(false);
    const second = await runCollector({ directory: first.directory });
    expect(await count(second.url)).toBe(25);
  });

  it('loses nothing that was flushed when it is killed, new columns included', async () => {
    const first = await runCollector();
    await sendTraces(first.url, 'shop', [
      { start: Date.now(), durationMs: 1, attributes: { late: 1, 'Late~': 'x', 'it\'s; "quoted"': true } },
    ]);
    await sendTraces(first.url, 'shop', [{ start: Date.now(), durationMs: 1, attributes: { late: 1.5 } }]);
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`many.${i}`, i]));
    await sendTraces(first.url, 'shop', [{ start: Date.now(), durationMs: 1, attributes: many }]);
    expect(await count(first.url)).toBe(3);
    await first.end('SIGKILL');
    const second = await runCollector({ directory: first.directory });
    expect(await count(second.url)).toBe(3);
    await sendTraces(second.url, 'shop', [
      { start: Date.now(), durationMs: 1, attributes: { late: 'text' } },
    ]);
    expect(await count(second.url)).toBe(4);
  });

  it('finds every parent after it was killed while it related spans to them', async () => {
    const first = await runCollector();
    const traces = 3_000;
    for (let sent = 0; sent < traces; sent += 500) {
      const batch = Array.from({ length: 500 }, (_, index) => trace(sent + index));
      await sendTraces(first.url, 'shop', batch.flat());
    }
    // Waits until they are on disk.
    await new HoneycombClient({ apiUrl: first.url, apiKey: async () => 'k' }).datasets();
    // Asking begins to relate them, and the process ends in the middle of it.
    const asked = parents(first.url).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await first.end('SIGKILL');
    await asked;
    const second = await runCollector({ directory: first.directory });
    expect(await parents(second.url)).toEqual([
      ['inner', 'outer', traces],
      ['outer', null, traces],
    ]);
  });

  it('takes over a store of the layout before', async () => {
    const directory = await temporaryDirectory();
    const instance = await DuckDBInstance.create(join(directory, 'events.duckdb'));
    const connection = await instance.connect();
    await connection.run(LAYOUT_1);
    await connection.run(
      `INSERT INTO events (time, dataset, sample_rate, trace_key, span_key, parent_key, "meta.signal_type", name, "service.name",
         "trace.parent_id", duration_ms, team)
       SELECT epoch_ns(now()), 'shop', 1, 7, * FROM (VALUES (1, NULL, 'trace', 'outer', 'shop', NULL, 2, 'blue'), (2, 1, 'trace', 'inner', 'shop', 'x', 1, 'red'))`,
    );
    connection.closeSync();
    instance.closeSync();
    const collector = await runCollector({ directory });
    await sendTraces(collector.url, 'shop', trace(1));
    expect(await parents(collector.url)).toEqual([
      ['inner', 'outer', 2],
      ['outer', null, 2],
    ]);
    await collector.end();
    const again = await runCollector({ directory });
    expect(await count(again.url)).toBe(4);
  });

  it('refuses a folder that another collector uses, and says which', async () => {
    const first = await runCollector();
    await expect(runCollector({ directory: first.directory })).rejects.toThrow(
      /Another collector uses .*events\.duckdb/,
    );
    await sendTraces(first.url, 'shop', spans(1));
    expect(await count(first.url)).toBe(1);
  });

  it('leaves a file that is no database as it is', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'events.duckdb');
    await writeFile(file, 'not a database, but somebody wants it');
    await expect(runCollector({ directory })).rejects.toThrow(/cannot be opened as a DuckDB database/);
    expect(await readFile(file, 'utf8')).toBe('not a database, but somebody wants it');
  });

  it('leaves another program’s database as it is', async () => {
    const directory = await temporaryDirectory();
    const instance = await DuckDBInstance.create(join(directory, 'events.duckdb'));
    const connection = await instance.connect();
    await connection.run('CREATE TABLE mine AS SELECT 42 AS answer');
    connection.closeSync();
    instance.closeSync();
    await expect(runCollector({ directory })).rejects.toThrow(/not one of this collector/);
    const again = await DuckDBInstance.create(join(directory, 'events.duckdb'));
    const reader = await (await again.connect()).runAndReadAll('SELECT answer FROM mine');
    expect(reader.getRowsJS()).toEqual([[42]]);
    again.closeSync();
  });

  it('ends when its parent is gone', async () => {
    const collector = await runCollector({ args: ['--exit-with-parent'] });
    await sendTraces(collector.url, 'shop', spans(3));
    collector.child.stdin?.end();
    expect(await collector.end('SIGCONT')).toBe(0);
    const again = await runCollector({ directory: collector.directory });
    expect(await count(again.url)).toBe(3);
  });

  it('removes what is older than the retention', async () => {
    const first = await runCollector();
    await sendTraces(first.url, 'shop', [
      { start: Date.now() - 1_800_000, durationMs: 1 },
      { start: Date.now(), durationMs: 1 },
    ]);
    expect(await count(first.url)).toBe(2);
    await first.end();
    const second = await runCollector({ directory: first.directory, args: ['--retention-hours', '0.1'] });
    expect(await count(second.url)).toBe(1);
  });

  it.each([
    [['--port', 'x'], /--port/],
    [['--nonsense'], /nonsense/],
  ])('says what is wrong with %j', async (args, message) => {
    await expect(runCollector({ args })).rejects.toThrow(message);
  });

  it('says when the columns run out, and keeps the rest of the event', async () => {
    const collector = await runCollector({ args: ['--max-columns', '30'] });
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`generated.${i}`, i]));
    await sendTraces(collector.url, 'shop', [{ start: Date.now(), durationMs: 1, attributes }]);
    expect(await count(collector.url)).toBe(1);
    expect(collector.stderr()).toMatch(/already has 30 columns/);
  });
});
