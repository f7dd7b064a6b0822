import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { TestHandle } from '../../src/extension.ts';
import { runTests, type Tests, until } from './harness.ts';

/** The faces over the real parts: the extension starts its own collector, and spans reach the tree. */

let handle: TestHandle;

const tests: Tests = {
  async 'says that nothing is there, before anything is'() {
    const extension = vscode.extensions.getExtension<TestHandle>('plumbline.plumbline');
    assert.ok(extension);
    handle = await extension.activate();
    await vscode.commands.executeCommand('plumbline.latency.focus');
    await until('the local collector answers', async () => {
      return (
        (await handle.latency.getChildren()).length === 0 && (handle.latency.view.description ?? '') !== ''
      );
    });
    assert.match(handle.latency.view.description ?? '', /local collector/);
  },

  async 'copies settings that an exporter can use, and shows what it sends'() {
    await vscode.commands.executeCommand('plumbline.copyOtlpSettings');
    const endpoint = /OTEL_EXPORTER_OTLP_ENDPOINT=(\S+)/.exec(await vscode.env.clipboard.readText())?.[1];
    assert.ok(endpoint);
    const response = await fetch(`${endpoint}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(trace('checkout', 'POST /pay', 30)),
    });
    assert.equal(response.status, 200);
    await until('the operation is in the tree', async () => {
      await handle.latency.refresh();
      const [service] = await handle.latency.getChildren();
      if (service?.kind !== 'service') return false;
      const [operation] = await handle.latency.getChildren(service);
      return operation !== undefined && handle.latency.getTreeItem(operation).label === 'POST /pay';
    });
  },

  async 'says that there is no Pulumi project'() {
    assert.deepEqual(await handle.stacks.getChildren(), []);
  },

  async 'starts the MCP server, whose tools a model can use'() {
    // Listing makes VS Code ask the provider; its list stays open until something is picked, so nobody waits for it.
    void vscode.commands.executeCommand('workbench.mcp.listServer');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    await vscode.commands.executeCommand('workbench.mcp.startServer', '*', { waitForLiveTools: true });
    await until('its tools are there', () =>
      vscode.lm.tools.some(({ name }) => name.startsWith('mcp_plumbline_')),
    );
  },
};

/** Root spans of one operation, a second apart, the last of them now. */
function trace(service: string, operation: string, count: number): unknown {
  const now = BigInt(Date.now()) * 1_000_000n;
  const spans = Array.from({ length: count }, (_, index) => {
    const start = now - BigInt(index + 2) * 1_000_000_000n;
    const hex = (index + 1).toString(16);
    return {
      traceId: hex.padStart(32, '0'),
      spanId: hex.padStart(16, '0'),
      name: operation,
      kind: 2,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + BigInt(20 + index) * 1_000_000n),
    };
  });
  const attributes = [{ key: 'service.name', value: { stringValue: service } }];
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] };
}

export async function run(): Promise<void> {
  await runTests(tests);
}
