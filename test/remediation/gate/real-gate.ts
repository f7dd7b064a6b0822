import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { StackRef } from '../../../src/infrastructure/model.ts';
import { PulumiStacks } from '../../../src/infrastructure/pulumi/stacks.ts';
import { filesOf } from '../../../src/remediation/check.ts';
import { complete } from '../../../src/remediation/draft.ts';
import { buildEdits } from '../../../src/remediation/edits.ts';
import { Gate } from '../../../src/remediation/gate/gate.ts';
import { FileJournal } from '../../../src/remediation/gate/journal.ts';
import { PulumiUpdates } from '../../../src/remediation/gate/pulumi-updates.ts';
import { readProjectFile } from '../../../src/remediation/project-files.ts';
import type { Proposal } from '../../../src/remediation/proposal.ts';
import { systemClock } from '../../../src/telemetry/system-clock.ts';
import type { RealStack } from '../../infrastructure/pulumi/real-stack.ts';

export const never = new AbortController().signal;
export const quiet = () => {};

/** A gate on the real CLI, without telemetry and rollouts. */
export function realGate(real: RealStack): { gate: Gate; journal: FileJournal } {
  const journal = new FileJournal(join(real.root, 'journal', 'journal.jsonl'));
  const gate = new Gate({
    updates: new PulumiUpdates(real.settings),
    stacks: new PulumiStacks({ ...real.settings, folders: [real.stack.projectDir] }),
    journal,
    clock: systemClock,
    telemetry: async () => null,
    rollouts: async () => null,
    settings: () => ({
      approvalMinutes: 15,
      verifyWindowSeconds: 1,
      rolloutTimeoutMinutes: 1,
      dataset: '__all__',
    }),
  });
  onTestFinished(() => gate.dispose());
  return { gate, journal };
}

/** A proposal that puts one text in the place of another in one file of a project. */
export async function replacing(
  stack: StackRef,
  file: string,
  oldText: string,
  newText: string,
  overrides: Partial<Proposal> = {},
): Promise<Proposal> {
  const current = await readProjectFile(stack.projectDir, file);
  const start = current.text.indexOf(oldText);
  const edits = buildEdits(current, [{ start, end: start + oldText.length, newText }]);
  return complete(
    {
      title: `${oldText} → ${newText}`,
      stack,
      edits,
      changes: [],
      kind: 'cpu',
      service: 'api',
      rationale: [],
      expected: { p95Before: null, p95After: null, reasoning: [] },
      cost: null,
      risk: { level: 'low', reasons: [] },
      origin: { by: 'diagnosis' },
      createdAt: 0,
      ...overrides,
    },
    await filesOf(stack.projectDir, edits),
  );
}
