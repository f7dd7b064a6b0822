import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { build } from 'esbuild';
import { mcpBuilds } from '../../src/mcp/build/options.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface BundledServer {
  /** Path of mcp.cjs. */
  readonly entry: string;
  readonly dir: string;
  remove(): Promise<void>;
}

/** Bundles the server as it ships; with `fake`, its session stands on a fake runtime. */
export async function bundleServer(kind: 'real' | 'fake'): Promise<BundledServer> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-mcp-'));
  for (const options of mcpBuilds(ROOT, dir)) {
    const isSession = Object.keys(options.entryPoints ?? {}).includes('mcp-session');
    const entryPoints = { 'mcp-session': join(ROOT, 'test/mcp/fake-session.ts') };
    await build(kind === 'fake' && isSession ? { ...options, entryPoints } : options);
  }
  return { entry: join(dir, 'mcp.cjs'), dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Environment of a server under test: nothing of the tester's accounts, all folders below `dir`. */
export function serverEnvironment(dir: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: dir,
    XDG_CACHE_HOME: join(dir, 'cache'),
    XDG_STATE_HOME: join(dir, 'state'),
    ...more,
  };
}

export interface Connected {
  readonly client: Client;
  stderr(): string;
  close(): Promise<void>;
}

/** The SDK's own client, connected to a server process. */
export async function connect(
  server: BundledServer,
  { env = {}, cwd = server.dir }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Connected> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [server.entry],
    env: serverEnvironment(server.dir, env),
    cwd,
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const client = new Client({ name: 'test-client', version: '1.0.0' });
  await client.connect(transport);
  return { client, stderr: () => stderr, close: () => client.close() };
}

/** A server process to be spoken to by bytes. */
export function spawnServer(server: BundledServer): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [server.entry], { env: serverEnvironment(server.dir), cwd: server.dir });
}
