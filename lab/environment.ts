import { randomUUID } from 'node:crypto';
import { delimiter, dirname, join } from 'node:path';
import { RUN_MARK } from './processes.ts';
import type { Toolchain } from './setup/toolchain.mjs';

/**
 * What must not reach the lab's processes: accounts, backends and exporters of the person who starts it, and the marks
 * of coding agents, with which the Pulumi CLI registers a throw-away cloud account by itself.
 */
const LEFT_OUT =
  /^(PULUMI_|AWS_|HONEYCOMB_|OTEL_|PLUMBLINE_LAB_|CLAUDE|CURSOR_|CODEX_|COPILOT_|GEMINI_CLI|AI_AGENT|NODE_OPTIONS$|VITEST|VSCODE_|ELECTRON_RUN_AS_NODE)/;

/** The part of the environment that is known before anything runs. */
export function baseEnvironment(
  inherited: NodeJS.ProcessEnv,
  toolchain: Toolchain,
  runDir: string,
): Record<string, string> {
  const kept = Object.entries(inherited).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !LEFT_OUT.test(entry[0]),
  );
  const tools = [toolchain.pulumi && dirname(toolchain.pulumi.bin), dirname(process.execPath)];
  return {
    ...Object.fromEntries(kept),
    PATH: [...tools, inherited['PATH']].filter(Boolean).join(delimiter),
    [RUN_MARK]: runDir,
    NO_COLOR: '1',
    PULUMI_BACKEND_URL: `file://${join(runDir, 'state')}`,
    PULUMI_CONFIG_PASSPHRASE: '',
    PULUMI_HOME: join(runDir, 'pulumi-home'),
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    AWS_REGION: 'us-east-1',
    // Loopback only: nothing that these name exists outside the lab.
    AWS_ACCESS_KEY_ID: 'lab',
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_EC2_METADATA_DISABLED: 'true',
    HONEYCOMB_API_KEY: `lab-${randomUUID()}`,
  };
}

/** What is added once the collector and the emulated cloud have said where they are. */
export function serverEnvironment(collectorUrl: string, cloudUrl: string): Record<string, string> {
  return {
    PLUMBLINE_LAB_CLOUD_URL: cloudUrl,
    AWS_ENDPOINT_URL: cloudUrl,
    HONEYCOMB_API_ENDPOINT: collectorUrl,
  };
}
