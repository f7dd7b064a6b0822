import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baselineEngines } from '../../bench/rca/baselines.ts';
import { readDataSets, readTruths } from '../../bench/rca/layout.ts';
import { productEngine } from '../../bench/rca/product-engine.ts';
import { type Outcome, runCases } from '../../bench/rca/run.ts';
import { scoreAnswer, wilson } from '../../bench/rca/score.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-rca-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Two minutes of calm, one in which `store` takes 200 ms instead of 10; a request each 100 ms. */
async function writeSpans(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `COPY (
      WITH r AS (SELECT i, 1700000000000000 + i * 100000 AS t, CASE WHEN i >= 1200 THEN 200000 ELSE 10000 END AS d FROM range(1800) g(i))
      SELECT md5('t' || i) AS trace_id, 'a' AS span_id, CAST(NULL AS VARCHAR) AS parent_id, 'web' AS service, 'web-1' AS instance, 'GET /' AS name, t AS start_us, d + 5000 AS duration_us FROM r
      UNION ALL SELECT md5('t' || i), 'b', 'a', 'store', 'store-1', 'read', t + 1000, d FROM r
    ) TO '${join(directory, 'spans.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
}

/** The same requests, none slower; from the second minute on the store answers half of them with a failure. */
async function writeFailing(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `COPY (
      WITH r AS (SELECT i, 1700000000000000 + i * 100000 AS t, i >= 1200 AND i % 2 = 0 AS bad FROM range(1800) g(i))
      SELECT md5('t' || i) AS trace_id, 'a' AS span_id, CAST(NULL AS VARCHAR) AS parent_id, 'web' AS service, 'GET /' AS name,
        t AS start_us, 15000 AS duration_us, CASE WHEN bad THEN 500 ELSE 200 END AS "status.code", 'SPAN_KIND_SERVER' AS kind FROM r
      UNION ALL SELECT md5('t' || i), 'b', 'a', 'store', 'read', t + 1000, 10000, CASE WHEN bad THEN 503 ELSE 200 END, 'SPAN_KIND_SERVER' FROM r
    ) TO '${join(directory, 'spans.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
}

const CASE = {
  id: 7,
  dataset: 'made',
  symptom: { metric: 'latency' },
  baseline: [
    [1_700_000_000, 1_700_000_060],
    [1_700_000_060, 1_700_000_120],
  ],
  incident: [1_700_000_120, 1_700_000_180],
};

async function collect(directory: string, engines = [productEngine]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const one of runCases(directory, engines, new AbortController().signal, () => {}))
    outcomes.push(one);
  return outcomes;
}

describe('The harness', () => {
  it('answers cases without a truth, through the local store, with four requests', async () => {
    const directory = join(folder, 'made');
    await writeSpans(directory);
    await writeFile(join(directory, 'cases.jsonl'), `${JSON.stringify(CASE)}\n`);
    const [outcome, ...others] = await collect(directory, [productEngine, ...baselineEngines]);
    expect(outcome).toMatchObject({ case: { id: '7' }, requests: 4, answer: { verdict: 'undetermined' } });
    expect(outcome?.answer.ranking[0]?.target).toBe('store');
    // The simple methods read the same answer from the client's cache.
    expect(others.map((one) => one.requests)).toEqual(others.map(() => 0));
  });

  it('reads a status where the spans have one', async () => {
    const directory = join(folder, 'failing');
    await writeFailing(directory);
    await writeFile(join(directory, 'cases.jsonl'), `${JSON.stringify(CASE)}\n`);
    const [outcome] = await collect(directory);
    expect(outcome?.answer.ranking[0]).toMatchObject({ target: 'store', kind: 'errors' });
  });

  it('hands no truth to an engine', async () => {
    const directory = join(folder, 'truthful');
    await mkdir(directory);
    const truth = { service: 'store', kind: 'cpu' };
    await writeFile(
      join(directory, 'cases.jsonl'),
      `${JSON.stringify({ ...CASE, split: 'train', truth })}\n`,
    );
    const [set] = await readDataSets(folder).then((sets) => sets.filter((one) => one.name === 'truthful'));
    expect(JSON.stringify(set?.cases)).not.toMatch(/truth|split|train/);
    expect(set && (await readTruths(set)).get('7')).toMatchObject({
      target: 'store',
      kind: 'cpu',
      group: 'cpu',
    });
  });

  it('says what is missing', async () => {
    await expect(readDataSets(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'not-found' });
    const directory = join(folder, 'broken');
    await mkdir(directory);
    await writeFile(join(directory, 'cases.jsonl'), '{"id": "a"}\nnot json\n');
    await expect(readDataSets(directory)).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('Scoring', () => {
  const truth = { id: '1', target: 'a', kind: 'cpu', group: 'cpu' };
  const named = (target: string, score: number) => ({ target, kind: 'cpu' as const, score });

  it('gives equal scores the last place', () => {
    const ranking = [named('a', 1), named('b', 1), named('c', 0.5)];
    expect(scoreAnswer({ verdict: 'cause', ranking }, truth)).toMatchObject({ rank: 2, kindRight: true });
    expect(scoreAnswer({ verdict: 'cause', ranking: [named('b', 1)] }, truth)).toMatchObject({
      rank: null,
      kindRight: false,
    });
  });

  it('takes silence for right when nothing was wrong, and only then', () => {
    const quiet = { id: '2', target: null, kind: null, group: 'quiet' };
    expect(scoreAnswer({ verdict: 'nothing-wrong', ranking: [] }, quiet).verdictRight).toBe(true);
    expect(scoreAnswer({ verdict: 'undetermined', ranking: [] }, quiet).verdictRight).toBe(false);
    expect(scoreAnswer({ verdict: 'nothing-wrong', ranking: [] }, truth).verdictRight).toBe(false);
  });

  it('knows Wilson’s interval', () => {
    // 10 of 10: 72.2 % to 100 %; 5 of 10: 23.7 % to 76.3 %.
    expect(wilson(10, 10)?.map((value) => Number(value.toFixed(3)))).toEqual([0.722, 1]);
    expect(wilson(5, 10)?.map((value) => Number(value.toFixed(3)))).toEqual([0.237, 0.763]);
    expect(wilson(0, 0)).toBeNull();
  });
});
