import { SpanKind, trace } from '@opentelemetry/api';
import { embed } from './embedding.ts';
import { CANDIDATES, type Passage } from './rank.ts';
import { words } from './text.ts';
import { failSpan, postJson, UpstreamError } from './upstream.ts';

const INDEX = 'passages';
const TIMEOUT_MS = 5_000;

/** What is searched for: the question as a whole, or each of its terms, one search after the other. */
export type Retrieval = 'question' | 'terms';

/** The passages nearest to a message, or to any of its terms. */
export async function findPassages(store: URL, message: string, retrieval: Retrieval): Promise<Passage[]> {
  if (retrieval === 'question') return searchPassages(store, message);
  const best = new Map<string, Passage>();
  for (const term of new Set(words(message))) {
    for (const passage of await searchPassages(store, term)) {
      if (passage.score > (best.get(passage.id)?.score ?? 0)) best.set(passage.id, passage);
    }
  }
  return [...best.values()].sort((one, other) => other.score - one.score).slice(0, CANDIDATES);
}

/** Asks the vector store (OpenSearch's k-NN search) for the passages nearest to a text. */
async function searchPassages(store: URL, text: string): Promise<Passage[]> {
  const options = {
    kind: SpanKind.CLIENT,
    attributes: {
      'db.system': 'opensearch',
      'db.system.name': 'opensearch',
      'db.operation.name': 'search',
      'db.collection.name': INDEX,
      'db.vector.query.top_k': CANDIDATES,
      'server.address': store.hostname,
      'server.port': portOf(store),
    },
  };
  return trace.getTracer('otel-ai-chatbot').startActiveSpan('rag.vector_search', options, async (span) => {
    try {
      const query = {
        size: CANDIDATES,
        _source: ['title', 'text'],
        query: { knn: { embedding: { vector: Array.from(embed(text)), k: CANDIDATES } } },
      };
      const answer = await postJson('vector store', new URL(`/${INDEX}/_search`, store), query, TIMEOUT_MS);
      const passages = readHits(answer);
      span.setAttribute('db.response.returned_rows', passages.length);
      return passages;
    } catch (thrown) {
      failSpan(span, thrown);
      throw thrown;
    } finally {
      span.end();
    }
  });
}

/** The port a URL leads to, its scheme's own where it names none. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function readHits(answer: unknown): Passage[] {
  const hits = (answer as { hits?: { hits?: unknown } } | null)?.hits?.hits;
  if (!Array.isArray(hits)) {
    throw new UpstreamError('vector store', 'invalid_response', 'The vector store answered without hits.');
  }
  return hits.map(
    (hit: { _id?: unknown; _score?: unknown; _source?: { title?: unknown; text?: unknown } }) => ({
      id: String(hit._id ?? ''),
      title: String(hit._source?.title ?? ''),
      text: String(hit._source?.text ?? ''),
      score: Number(hit._score ?? 0),
    }),
  );
}
