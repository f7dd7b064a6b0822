import type { Diagnosis, Gap } from '../src/diagnosis/diagnosis.ts';
import type { Narrative } from '../src/diagnosis/narrate.ts';
import { CloudWatchMetrics } from '../src/infrastructure/aws/cloudwatch.ts';
import { PulumiStacks } from '../src/infrastructure/pulumi/stacks.ts';
import { toProblem } from '../src/problem.ts';
import type { Proposal } from '../src/remediation/proposal.ts';
import { HoneycombClient } from '../src/telemetry/honeycomb.ts';
import { ALL_DATASETS } from '../src/telemetry/query.ts';
import { createEngine } from '../src/workflow/engine.ts';
import type { Lab } from './lab.ts';
import { record } from './record.ts';

/** Longer than any run of the lab: the engine finds baseline and incident by itself. */
const LOOKBACK_MINUTES = 10;

/**
 * Asks the product's engine about the lab, over the wires that it would use anywhere. `now`: the end of what it looks
 * at, epoch milliseconds. `recordTo`: folder for what it could read.
 */
export async function diagnoseLab(
  lab: Lab,
  now: number,
  signal: AbortSignal,
  recordTo?: string,
): Promise<{ diagnosis: Diagnosis; narrative: Narrative; proposal: Proposal | null }> {
  // The SDK reads its endpoint and credentials from the process, as it does in the extension's host.
  for (const [name, value] of Object.entries(lab.env)) if (name.startsWith('AWS_')) process.env[name] = value;
  const telemetry = new HoneycombClient({
    apiUrl: lab.collectorUrl,
    apiKey: async () => lab.env['HONEYCOMB_API_KEY'] ?? '',
    name: 'the lab’s collector',
  });
  const metrics = new CloudWatchMetrics({ region: lab.env['AWS_REGION'] ?? 'us-east-1' }, Date.now);
  const stacks = new PulumiStacks({ folders: [lab.workspaceDir], env: lab.env });
  const engine = createEngine({ dataset: () => ALL_DATASETS, now: () => now });
  const request = { lookbackMinutes: LOOKBACK_MINUTES };
  if (recordTo) await record(recordTo, lab, { request, now }, { telemetry, metrics, stacks }, signal);
  const diagnosis = await engine.diagnose(request, { telemetry, metrics, stacks }, signal, () => {});
  const narrative = engine.narrate(diagnosis);
  try {
    return { diagnosis, narrative, proposal: await engine.propose(diagnosis, stacks, signal) };
  } catch (thrown) {
    // A diagnosis stands without a patch; why there is none is told with it.
    const { code, message, nextStep } = toProblem(thrown);
    if (code === 'cancelled') throw thrown;
    const gap: Gap = { what: 'A patch', why: message, nextStep };
    return { diagnosis: { ...diagnosis, gaps: [...diagnosis.gaps, gap] }, narrative, proposal: null };
  }
}
