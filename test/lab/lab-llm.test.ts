import { fc, test } from '@fast-check/vitest';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { drawDelayMs } from '../../lab/llm/delay.ts';
import { createModelServer } from '../../lab/llm/server.ts';
import { listen, type Peer } from './chatbot-peers.ts';

const REQUEST = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] };

let server: Peer;
beforeEach(async () => {
  server = await listen(createModelServer({ medianMs: 5, rateLimitShare: 0 }));
});
afterEach(() => server.close());

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) });

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: Readonly<Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens', number>>;
}

async function completion(): Promise<Completion> {
  return (await (await post('/v1/chat/completions', REQUEST)).json()) as Completion;
}

describe('the fake model server', () => {
  test('answers in the chat-completions wire format and says that it is a fake', async () => {
    const answer = await completion();
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'gpt-4o-mini',
      system_fingerprint: expect.stringContaining('fake'),
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant' } }],
    });
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  test('streams the same answer in pieces', async () => {
    const whole = await completion();
    const response = await post('/v1/chat/completions', { ...REQUEST, stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = (await response.text()).trim().split('\n\n');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, '')));
    const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-1).choices[0].finish_reason).toBe('stop');
  });

  test('turns away as many as it is told to', async () => {
    expect((await post('/lab/fault', { rateLimitShare: 1 })).status).toBe(200);
    const refused = await post('/v1/chat/completions', REQUEST);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error' } });
  });

  test.each([
    ['/v1/chat/completions', { model: 'x' }, 400],
    ['/lab/fault', { medianMs: -1 }, 400],
    ['/lab/fault', { rateLimitShare: 2 }, 400],
    ['/v1/embeddings', {}, 404],
  ])('refuses %s with %j', async (path, body, status) => {
    expect((await post(path, body)).status).toBe(status);
  });
});

describe('its delays', () => {
  test.prop([fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })])(
    'are positive whatever is drawn',
    (uniform) => {
      expect(drawDelayMs(100, () => uniform)).toBeGreaterThan(0);
    },
  );

  test('lie around their median', () => {
    let seed = 7;
    const uniform = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    const draws = Array.from({ length: 4_001 }, () => drawDelayMs(350, uniform)).sort((a, b) => a - b);
    expect(draws[2_000]).toBeGreaterThan(330);
    expect(draws[2_000]).toBeLessThan(370);
    expect(Number(draws[3_800]) / Number(draws[2_000])).toBeLessThan(1.7);
  });
});
