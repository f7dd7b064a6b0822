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
