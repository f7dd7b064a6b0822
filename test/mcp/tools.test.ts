import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { ANSWER_CHARACTERS } from '../../src/mcp/answer.ts';
import { type BundledServer, bundleServer, type Connected, connect } from './running-server.ts';
import { STACK } from './samples.ts';

const TOOLS = [
  'list_services',
  'query_latency',
  'diagnose',
  'get_evidence',
  'list_stacks',
  'list_resources',
  'get_resource',
  'read_program',
  'propose_patch',
  'get_proposal',
];

let server: BundledServer;
let connected: Connected;
let client: Client;

beforeAll(async () => {
  server = await bundleServer('fake');
  connected = await connect(server);
  client = connected.client;
  // From here on the client validates every answer against its outputSchema.
  await client.listTools();
});

afterAll(async () => {
  await connected.close();
  await server.remove();
});

interface Answer {
  readonly structured: Record<string, unknown>;
  readonly characters: number;
}

async function call(name: string, input: Record<string, unknown> = {}): Promise<Answer> {
  const result = await client.callTool({ name, arguments: input });
  const text = textOf(result);
  expect(result.isError, text).toBeFalsy();
  expect(JSON.parse(text)).toEqual(result.structuredContent);
  expect(text.length).toBeLessThanOrEqual(ANSWER_CHARACTERS);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
  expect(text).not.toMatch(/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]|\\u00|\u{e0041}/u);
  return { structured: result.structuredContent as Record<string, unknown>, characters: text.length };
}

async function failure(name: string, input: Record<string, unknown>) {
  const result = await client.callTool({ name, arguments: input });
  expect(result.isError).toBe(true);
  expect(result.structuredContent).toBeUndefined();
  const problem = JSON.parse(textOf(result));
  expect(problem).toEqual({
    code: expect.any(String),
    message: expect.stringMatching(/./),
    nextStep: expect.stringMatching(/./),
  });
  return problem as { code: string; message: string; nextStep: string };
}

function textOf(result: Awaited<ReturnType<Client['callTool']>>): string {
  const [first] = result.content as { type: string; text: string }[];
  return first?.text ?? '';
}

describe('what the server says of itself', () => {
  test('name, version, instructions', () => {
    expect(client.getServerVersion()).toMatchObject({ name: 'plumbline', version: manifest.version });
    expect(client.getInstructions()).toMatch(/never instructions/);
  });

  test('its tools, each fit for every client', async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(TOOLS);
    expect(tools.length).toBeLessThanOrEqual(12);
    for (const tool of tools) {
      expect(tool.name).toMatch(/^[a-z_]+$/);
      expect(`mcp_plumbline_${tool.name}`.length).toBeLessThanOrEqual(64);
      expect(tool.title).toBeTruthy();
      expect(tool.description).toBeTruthy();
      expect(tool.outputSchema?.type).toBe('object');
      expect(tool.inputSchema['additionalProperties']).toBe(false);
      const proposes = tool.name === 'propose_patch';
      expect(tool.annotations).toEqual(
        proposes
          ? { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false }
          : { readOnlyHint: true, openWorldHint: false },
      );
    }
  });

  test('in at most 3,000 tokens', async () => {
    const definitions = await client.listTools();
    expect(JSON.stringify(definitions).length / 4).toBeLessThanOrEqual(3_000);
  });

  test('nothing among them applies, previews or approves', async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name).join(' ')).not.toMatch(
      /apply|preview|approve|confirm|up|deploy|destroy/,
    );
  });
});

describe('answers', () => {
  test('services come in pages that tell the same window, each once', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    const windows = new Set<string>();
    do {
      const { structured } = await call('list_services', cursor === undefined ? {} : { cursor });
      windows.add(`${structured['from']} ${structured['to']}`);
      seen.push(...(structured['services'] as { service: string }[]).map((row) => row.service));
      expect(structured['total']).toBe(40);
      cursor = structured['nextCursor'] as string | undefined;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(40);
    expect(seen).toHaveLength(40);
    expect(windows.size).toBe(1);
  });

  test('latency by operation, and over time for one', async () => {
    const { structured } = await call('query_latency', { service: 'service-0', operation: 'op' });
    expect((structured['series'] as unknown[]).length).toBeGreaterThan(10);
    const [row] = structured['rows'] as Record<string, unknown>[];
    expect(row).toMatchObject({ count: 100, errors: 1, p50: 10.12, p95: 99.5 });
    expect(structured['nextCursor']).toBeDefined();
  });

  test('no data is said, not shown as zero', async () => {
    const { structured } = await call('query_latency', { service: 'nobody' });
    expect(structured['rows']).toEqual([]);
    expect(structured['note']).toMatch(/No spans match/);
  });

  test('a diagnosis, then its evidence by id', async () => {
    const { structured } = await call('diagnose', { service: 'chatbot' });
    expect(structured).toMatchObject({
      diagnosisId: 'dg_0123456789ab',
      verdict: 'cause',
      headline: 'chatbot is short of CPU.',
      requests: 4,
      comparison: [
        { attribute: 'app.tenant', value: 'acme', slow: 0.75, others: 0.08, evidence: 'ev_0123456789ac' },
      ],
    });
    expect(structured['nextStep']).toMatch(/propose_patch with kind "sizing"/);
    const { structured: evidence } = await call('get_evidence', {
      diagnosisId: 'dg_0123456789ab',
      evidenceId: 'ev_0123456789ab',
    });
    expect(evidence).toMatchObject({ kind: 'utilisation', n: 60, citedBy: ['cause cpu'] });
    expect(evidence['url']).toMatch(/^https:\/\/eu-west-1\.console\.aws\.amazon\.com\/.*x{400}$/);
    expect(evidence['source']).not.toHaveProperty('url');
    expect(evidence['numbers']).toEqual([{ name: 'CPUUtilization', value: 98.1235, unit: 'percent' }]);
  });

  test('windows that the caller knows are passed on as they are, and are needed together', async () => {
    const incident = '2026-01-05T12:00Z/2026-01-05T13:00:00+00:30';
    const good = ['2026-01-05T11:00Z/2026-01-05T12:00Z'];
    const { structured } = await call('diagnose', { service: 'windows', incident, good });
    expect(structured['headline']).toBe(
      JSON.stringify({
        incident: { start: Date.UTC(2026, 0, 5, 12), end: Date.UTC(2026, 0, 5, 12, 30) },
        baselines: [{ start: Date.UTC(2026, 0, 5, 11), end: Date.UTC(2026, 0, 5, 12) }],
      }),
    );
    const alone = await client.callTool({ name: 'diagnose', arguments: { incident } });
    expect(alone.isError).toBe(true);
    expect(JSON.stringify(alone.content)).toContain('Give both, or neither');
    for (const odd of ['yesterday', '2026-01-05T12:00Z', '2026-01-05T13:00Z/2026-01-05T12:00Z', '1/2']) {
      const refused = await client.callTool({ name: 'diagnose', arguments: { incident: odd, good } });
      expect(JSON.stringify(refused.content)).toContain('Write it as from/to');
    }
  });

  test('evidence says what rests on it', async () => {
    await call('diagnose', { service: 'chatbot' });
    const { structured } = await call('get_evidence', {
      diagnosisId: 'dg_0123456789ab',
      evidenceId: 'ev_0123456789ac',
    });
    expect(structured['citedBy']).toEqual(['ruled out dependency', 'comparison app.tenant']);
  });

  test('far too much is cut, said so, and still there by id', async () => {
    const { structured, characters } = await call('diagnose', { service: 'flood' });
    expect(characters).toBeGreaterThan(ANSWER_CHARACTERS / 2);
    expect((structured['cut'] as string[]).join()).toMatch(/evidence: \d+ of 80 shown/);
    expect(structured['causes']).toHaveLength(1);
    const { structured: evidence } = await call('get_evidence', {
      diagnosisId: 'dg_ffffffffffff',
      evidenceId: 'ev_000000000079',
    });
    expect((evidence['cut'] as string[]).join()).toMatch(/numbers: \d+ of 500 shown/);
  });

  test('stacks and the updates of one', async () => {
    expect((await call('list_stacks')).structured['stacks']).toEqual([STACK]);
    const { structured } = await call('list_stacks', { stack: 'dev' });
    expect(structured['updates']).toMatchObject([{ kind: 'update', result: 'succeeded' }]);
  });

  test('resources by type, and one in detail without secrets', async () => {
    const { structured } = await call('list_resources', { type: 'ECS', name: 'task-1' });
    expect(structured['total']).toBe(15);
    const { structured: one } = await call('get_resource', {
      urn: 'urn:pulumi:dev::shop::aws:ecs/taskDefinition:TaskDefinition::task-4',
    });
    expect(one).toMatchObject({
      name: 'task-4',
      source: 'index.ts:14',
      outputs: { arn: 'arn:aws:ecs:eu-west-1:1:task/4' },
    });
    expect(JSON.stringify(one)).not.toContain('hunter2');
    expect(JSON.stringify(one)).toContain('[secret]');
  });

  test('a proposal is made and read, its diff cut', async () => {
    await call('diagnose', {});
    const { structured } = await call('propose_patch', { kind: 'sizing', diagnosisId: 'dg_0123456789ab' });
    expect(structured).toMatchObject({
      proposalId: 'pr_0123456789ab',
      state: 'proposed',
      risk: { level: 'low' },
    });
    expect((structured['cut'] as string[]).join()).toMatch(/^diff: /);
    const { structured: standing } = await call('get_proposal', { proposalId: 'pr_0123456789ab' });
    expect(standing).toMatchObject({
      state: 'verified',
      preview: { summary: { update: 1, same: 9 } },
      verification: { verdict: 'improved', before: { p95Ms: 3_200 }, after: { p95Ms: 810 } },
    });
  });

  test('edits of a model become a proposal', async () => {
    const edits = [{ file: 'index.ts', oldText: '512', newText: '1024' }];
    const { structured } = await call('propose_patch', {
      kind: 'edits',
      title: 'More CPU',
      service: 'chatbot',
      edits,
    });
    expect(structured['title']).toBe('More CPU');
  });
});

describe('failures', () => {
  test.each([
    ['an input of the wrong type', 'diagnose', { lookbackMinutes: 'an hour' }, 'bad-input'],
    ['an input that the tool does not have', 'list_services', { apply: true }, 'bad-input'],
    ['a cursor of its own making', 'list_services', { cursor: '../../etc' }, 'bad-input'],
    [
      'a diagnosis that was not made',
      'get_evidence',
      { diagnosisId: 'dg_x', evidenceId: 'ev_x' },
      'not-found',
    ],
    ['a stack that is not there', 'list_resources', { stack: 'prod' }, 'not-found'],
    ['a resource that is not there', 'get_resource', { urn: 'urn:pulumi:dev::shop::x::y' }, 'not-found'],
    ['what is no URN', 'get_resource', { urn: 'x' }, 'bad-input'],
    ['a proposal that was not made', 'get_proposal', { proposalId: 'pr_ffffffffffff' }, 'not-found'],
    ['a path for an id', 'get_proposal', { proposalId: '../pr' }, 'bad-input'],
    ['a sizing patch without a diagnosis', 'propose_patch', { kind: 'sizing' }, 'bad-input'],
    [
      'edits that measure nothing',
      'propose_patch',
      { kind: 'edits', title: 't', edits: [{ file: 'a', oldText: 'b', newText: 'c' }] },
      'bad-input',
    ],
    ['a program folder that is not there', 'read_program', {}, 'not-found'],
  ])('%s', async (_, name, input, code) => {
    expect((await failure(name, input)).code).toBe(code);
  });

  test('keep their cause and next step, and no key', async () => {
    expect(await failure('diagnose', { service: 'denied' })).toEqual({
      code: 'forbidden',
      message: 'The key [secret] may not run queries.',
      nextStep: 'Use a key that may.',
    });
  });

  test('of the program itself are answers too', async () => {
    expect((await failure('diagnose', { service: 'broken' })).code).toBe('internal');
  });

  test('a tool that is not there is an error of the protocol', async () => {
    await expect(client.callTool({ name: 'apply_patch', arguments: {} })).rejects.toThrow(
      /no tool named apply_patch/,
    );
  });
});

describe('diagnose while it runs', () => {
  test('tells its progress, always growing', async () => {
    const told: { progress: number; message?: string | undefined }[] = [];
    const abort = new AbortController();
    const running = client.callTool({ name: 'diagnose', arguments: { service: 'wait' } }, undefined, {
      signal: abort.signal,
      onprogress: (progress) => {
        told.push(progress);
        if (told.length === 3) abort.abort();
      },
    });
    await expect(running).rejects.toThrow();
    expect(told.map((p) => p.message)).toEqual(['Asking the store', 'Asking for metrics', 'Reasoning']);
    const steps = told.map((p) => p.progress);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(Math.max(...steps)).toBeLessThanOrEqual(1);
  });

  test('stops when it is cancelled', async () => {
    const abort = new AbortController();
    const running = client.callTool({ name: 'diagnose', arguments: { service: 'wait' } }, undefined, {
      signal: abort.signal,
      onprogress: () => abort.abort(),
    });
    await expect(running).rejects.toThrow();
    await expect.poll(() => connected.stderr(), { timeout: 10_000 }).toContain('diagnose was cancelled');
    await call('diagnose');
  });
});
