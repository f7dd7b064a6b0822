import { SpanKind, trace } from '@opentelemetry/api';
import { embed } from './embedding.ts';
import { CANDIDATES, type Passage } from './rank.ts';
import { failSpan, postJson, UpstreamError } from './upstream.ts';

const INDEX = 'passages';
const TIMEOUT_MS = 5_000;

/** Asks the vector store (OpenSearch's k-NN search) for the passages nearest to the message. */
export async function searchPassages(store: URL, message: string): Promise<Passage[]> {
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
        query: { knn: { embedding: { vector: Array.from(embed(message)), k: CANDIDATES } } },
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
