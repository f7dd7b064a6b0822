/**
 * The process behind an OpenSearch domain: a k-NN index over a small fixed corpus, in OpenSearch's wire shape.
 * It stands in for Amazon OpenSearch Service and says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { embed } from '../../chatbot/embedding.ts';
import { onParentGone } from '../../parent.ts';
import { describeIssues } from '../aws-error.ts';
import { listen, parseObject, readBody, sendJson } from '../http.ts';
import { CORPUS } from './corpus.ts';

const Search = z.looseObject({
  size: z.int().min(0).max(10_000).default(10),
  query: z.object({
    knn: z.record(z.string(), z.looseObject({ vector: z.array(z.number()).min(1), k: z.int().min(1) })),
  }),
});

const Fault = z.object({ delayMs: z.number().min(0).max(60_000) });

/** Documents were embedded by the application when they were indexed: with its own embedding, once. */
const documents = CORPUS.map((passage, index) => ({
  id: `passage-${index + 1}`,
  source: passage,
  vector: embed(`${passage.title}. ${passage.text}`),
}));

const stats = { queries: 0, queryMs: 0 };
let delayMs = 0;

function cosine(a: readonly number[], b: Float32Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    dot += value * other;
    aa += value * value;
    bb += other * other;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

class BadQuery extends Error {}

function search(index: string, body: Record<string, unknown>): object {
  const parsed = Search.safeParse(body);
  if (!parsed.success) throw new BadQuery(describeIssues(parsed.error));
  const [clause] = Object.values(parsed.data.query.knn);
  if (clause === undefined) throw new BadQuery('[knn] requires a field');
  const dimension = documents[0]?.vector.length ?? 0;
  if (clause.vector.length !== dimension) {
    throw new BadQuery(
      `Query vector has invalid dimension: ${clause.vector.length}. Dimension should be: ${dimension}`,
    );
  }
  const hits = documents
    // OpenSearch's score for the space type cosinesimil.
    .map((document) => ({ document, score: (1 + cosine(clause.vector, document.vector)) / 2 }))
    .sort((a, b) => b.score - a.score)
    .slice(0, clause.k);
  return {
    timed_out: false,
    _shards: { total: 1, successful: 1, skipped: 0, failed: 0 },
    hits: {
      total: { value: hits.length, relation: 'eq' },
      max_score: hits[0]?.score ?? null,
      hits: hits.slice(0, parsed.data.size).map(({ document, score }) => ({
        _index: index,
        _id: document.id,
        _score: score,
        _source: document.source,
      })),
    },
  };
}

async function answer(
  method: string,
  path: string,
  body: () => Promise<Record<string, unknown>>,
): Promise<[number, object]> {
  if (method === 'GET' && path === '/') {
    return [
      200,
      {
        name: 'lab-vector-store',
        tagline: "Plumbline's lab: not Amazon OpenSearch Service",
        version: { distribution: 'opensearch', number: '2.19.0' },
      },
    ];
  }
  if (method === 'GET' && path === '/_cluster/health')
    return [200, { status: 'green', number_of_nodes: 1, timed_out: false }];
  if (method === 'GET' && path === '/_nodes/stats') {
    return [
      200,
      {
        nodes: {
          lab: { indices: { search: { query_total: stats.queries, query_time_in_millis: stats.queryMs } } },
        },
      },
    ];
  }
  if (method === 'POST' && path === '/lab/fault') {
    delayMs = Fault.parse(await body()).delayMs;
    return [200, { delayMs }];
  }
  const index = /^\/([^/_][^/]*)\/_search$/.exec(path)?.[1];
  if (method === 'POST' && index !== undefined) {
    const begun = performance.now();
    if (delayMs > 0) await sleep(delayMs);
    const found = search(index, await body());
    const took = performance.now() - begun;
    stats.queries += 1;
    stats.queryMs += took;
    return [200, { took: Math.round(took), ...found }];
  }
  return [404, error(404, 'invalid_index_name_exception', `no handler found for ${method} ${path}`)];
}

function error(status: number, type: string, reason: string): object {
  return { error: { root_cause: [{ type, reason }], type, reason }, status };
}

const server = await listen(
  (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const body = async () => parseObject(await readBody(request));
    answer(request.method ?? 'GET', path, body).then(
      ([status, content]) => sendJson(response, status, content),
      (failure: unknown) => {
        const reason = failure instanceof Error ? failure.message : String(failure);
        sendJson(
          response,
          400,
          error(400, failure instanceof BadQuery ? 'illegal_argument_exception' : 'parse_exception', reason),
        );
      },
    );
  },
  Number(process.env['PORT'] ?? 0),
);

async function stop(): Promise<void> {
  await server.close();
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
onParentGone(() => void stop());
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.port}` })}\n`);
