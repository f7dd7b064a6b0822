import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { mcpBuilds } from '../src/mcp/build/options.ts';

const RUNS = 60;

const INITIALIZE = `${JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '0' } },
})}\n`;
const LIST = `${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' })}\n`;

/**
 * How long the MCP server takes to answer `initialize`, beside `node -e 0` and with the runs alternating, as medians;
 * with its size and what its definitions cost a model. `npm run bench -- mcp [RUNS]`.
 */
export default async function mcp(args: readonly string[]): Promise<void> {
  const runs = Number(args[0] ?? RUNS);
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-bench-'));
  try {
    for (const options of mcpBuilds(fileURLToPath(new URL('..', import.meta.url)), dir)) await build(options);
    const entry = join(dir, 'mcp.cjs');
    const env = { ...process.env, HOME: dir, XDG_CACHE_HOME: join(dir, 'cache') };
    // The first runs fill the compile cache: what is measured is a start like any but the first.
    for (let i = 0; i < 3; i += 1) await conversation(entry, env, INITIALIZE + LIST, 2);

    const node: number[] = [];
    const initialize: number[] = [];
    const listed: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      node.push(await empty(env));
      initialize.push((await conversation(entry, env, INITIALIZE, 1)).milliseconds);
      listed.push((await conversation(entry, env, INITIALIZE + LIST, 2)).milliseconds);
    }
    const base = median(node);
    const { answers } = await conversation(entry, env, INITIALIZE + LIST, 2);
    const definitions = answers.find((answer) => answer.includes('"id":2')) ?? '';
    const tools = JSON.stringify(JSON.parse(definitions).result).length;
    row('node -e 0, to its exit', `${base.toFixed(1)} ms`);
    row(
      'initialize answered',
      `${median(initialize).toFixed(1)} ms`,
      `${(median(initialize) / base).toFixed(2)} × node -e 0`,
    );
    row(
      'tools/list answered',
      `${median(listed).toFixed(1)} ms`,
      `${(median(listed) / base).toFixed(2)} × node -e 0`,
    );
    for (const file of ['mcp.cjs', 'mcp-server.cjs', 'mcp-session.cjs']) {
      row(file, `${((await stat(join(dir, file))).size / 1024).toFixed(1)} KB`);
    }
    row('tool definitions', `${Math.ceil(tools / 4)} tokens`, `${tools} characters`);
    console.log(`medians of ${runs} alternating runs, Node ${process.versions.node}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

type Env = Readonly<Record<string, string | undefined>>;

function empty(env: Env): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, ['-e', '0'], { env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve(performance.now() - start));
  });
}

/** Milliseconds from the spawn to the last of `answers` lines; the server is then left to end. */
function conversation(
  entry: string,
  env: Env,
  input: string,
  expected: number,
): Promise<{ milliseconds: number; answers: string[] }> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let output = '';
    let milliseconds = Number.NaN;
    const child = spawn(process.execPath, [entry], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.once('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split('\n').length - 1 < expected || !Number.isNaN(milliseconds)) return;
      milliseconds = performance.now() - start;
      child.stdin.end();
    });
    child.once('exit', () => {
      if (Number.isNaN(milliseconds)) reject(new Error('The server ended before it answered.'));
      else resolve({ milliseconds, answers: output.split('\n').filter(Boolean) });
    });
    child.stdin.write(input);
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function row(what: string, figure: string, more = ''): void {
  console.log(`${what.padEnd(26)}${figure.padStart(12)}  ${more}`.trimEnd());
}
