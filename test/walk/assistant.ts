import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Lab } from '../../lab/lab.ts';
import { checkout } from '../command.ts';

/**
 * What an assistant does through MCP: proposes a change that sounds plausible and does not help (memory, where the
 * processor is short). Returns the proposal's id.
 */
export async function proposeMoreMemory(lab: Lab, stateDir: string): Promise<string> {
  const client = new Client({ name: 'a-walking-assistant', version: '1.0.0' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [`${checkout}dist/mcp.cjs`],
    env: {
      ...lab.env,
      PLUMBLINE_STATE_DIR: stateDir,
      PLUMBLINE_WORKSPACE: JSON.stringify([lab.workspaceDir]),
    },
    stderr: 'inherit',
  });
  await client.connect(transport);
  try {
    const answer = await client.callTool({
      name: 'propose_patch',
      arguments: {
        kind: 'edits',
        title: 'Give the task more memory',
        service: 'otel-ai-chatbot',
        operation: 'POST /api/chat',
        rationale: ['More memory may help the garbage collector.'],
        edits: [
          { file: 'index.ts', oldText: "const taskMemory = '1024';", newText: "const taskMemory = '2048';" },
        ],
      },
    });
    const { proposalId } = (answer.structuredContent ?? {}) as { proposalId?: unknown };
    if (answer.isError || typeof proposalId !== 'string') throw new Error(JSON.stringify(answer));
    return proposalId;
  } finally {
    await client.close();
  }
}
