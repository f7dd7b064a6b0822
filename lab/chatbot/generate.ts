import { type Attributes, type Span, trace } from '@opentelemetry/api';
import { AskedQuestions } from './asked-questions.ts';
import { Documents } from './documents.ts';
import { complete } from './model.ts';
import { buildPrompt } from './prompt.ts';
import { Pacer, type Passage, rerank, type Turn } from './rank.ts';
import { findPassages, type Retrieval } from './retrieval.ts';
import { failSpan, UpstreamError } from './upstream.ts';

export interface Peers {
  readonly vectorStore: URL;
  readonly modelServer: URL;
  readonly model: string;
  readonly retrieval: Retrieval;
}

export interface ChatRequest {
  readonly message: string;
  readonly history: readonly Turn[];
  /** Names the conversation that a document belongs to. */
  readonly conversation?: string;
  /** Text of a document that is attached to the conversation from here on. */
  readonly document?: string;
}

/** What a task keeps in memory from one request to the next. */
export class ChatMemory {
  readonly documents = new Documents();
  readonly asked = new AskedQuestions();
}

export interface ChatAnswer {
  readonly answer: string;
  readonly sources: readonly { id: string; title: string }[];
  readonly tokens: { prompt: number };
  /** How often this question was asked before. */
  readonly askedBefore: number;
}

/** Retrieval, ranking, prompt, model, parsing: one span each. Throws UpstreamError when a peer fails. */
export async function generateResponse(
  peers: Peers,
  memory: ChatMemory,
  request: ChatRequest,
): Promise<ChatAnswer> {
  const about = {
    'rag.history.turns': request.history.length,
    'rag.document.characters': request.document?.length ?? 0,
  };
  return inSpan('rag.generate_response', about, async () => {
    const pacer = new Pacer();
    const askedBefore = await memory.asked.count(request.message);
    const attached = passageOfDocument(memory.documents, request);
    const found = await findPassages(peers.vectorStore, request.message, peers.retrieval);
    const candidates = attached === undefined ? found : [attached, ...found];
    const ranked = await inSpan('rag.rerank', { 'rag.candidates': candidates.length }, () =>
      rerank(request.message, request.history, candidates, pacer),
    );
    const prompt = await inSpan('rag.build_prompt', {}, async (span) => {
      const built = await buildPrompt(request.message, request.history, ranked, pacer);
      span.setAttributes({
        'rag.prompt.tokens': built.tokens,
        'rag.prompt.turns_kept': built.turnsKept,
        'rag.prompt.passages': built.passagesKept,
      });
      return built;
    });
    const completion = await inSpan('rag.llm_generation', {}, () =>
      complete(peers.modelServer, peers.model, prompt),
    );
    const answer = await inSpan('rag.parse_response', {}, async () => readCompletion(completion));
    const sources = ranked.slice(0, prompt.passagesKept).map(({ id, title }) => ({ id, title }));
    return { answer, sources, tokens: { prompt: prompt.tokens }, askedBefore };
  });
}

function passageOfDocument(documents: Documents, request: ChatRequest): Passage | undefined {
  const { conversation, document, message } = request;
  if (conversation === undefined) return undefined;
  if (document !== undefined) documents.add(conversation, document);
  return documents.bestPassage(conversation, message);
}

async function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  return trace.getTracer('otel-ai-chatbot').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (thrown) {
      failSpan(span, thrown);
      throw thrown;
    } finally {
      span.end();
    }
  });
}

function readCompletion(completion: unknown): string {
  const choices = (completion as { choices?: unknown } | null)?.choices;
  const content: unknown = Array.isArray(choices) ? choices[0]?.message?.content : undefined;
  if (typeof content !== 'string') {
    throw new UpstreamError(
      'model server',
      'invalid_response',
      'The model server answered without a message.',
    );
  }
  return content.trim();
}
