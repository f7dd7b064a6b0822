import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { Proposal } from '../../remediation/proposal.ts';
import { line, plain, rounded } from '../answer.ts';
import { defineTool } from '../tool.ts';
import { remembered } from './get-evidence.ts';
import { chooseStack, stackInput } from './stack-choice.ts';
import { nameInput } from './window.ts';

const DIFF_CHARACTERS = 3_500;

export const proposePatch = defineTool({
  name: 'propose_patch',
  title: 'Propose a patch',
  description:
    'Leaves a change of the Pulumi program for a person to review in VS Code; changes nothing itself. kind "sizing": the patch that a diagnosis gives ground for. kind "edits": your own replacements; each oldText must occur exactly once in its file.',
  input: z.strictObject({
    kind: z.enum(['sizing', 'edits']),
    diagnosisId: z.string().max(64).optional().describe('Needed for sizing'),
    stack: stackInput,
    service: nameInput.optional().describe('Where to measure the effect, without a diagnosis'),
    operation: nameInput.optional(),
    title: z.string().min(1).max(120).optional(),
    rationale: z.array(z.string().max(500)).max(8).optional(),
    edits: z
      .array(
        z.strictObject({
          file: z.string().min(1).max(400),
          baseSha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .optional(),
          oldText: z.string().min(1).max(20_000),
          newText: z.string().max(20_000),
        }),
      )
      .min(1)
      .max(20)
      .optional(),
  }),
  output: z.object({
    proposalId: z.string(),
    state: z.string(),
    title: z.string(),
    stack: z.string(),
    files: z.array(z.string()),
    changes: z.array(z.looseObject({ property: z.string() })),
    diff: z.string(),
    diffSha256: z.string(),
    expected: z.looseObject({}),
    cost: z.looseObject({}).nullable(),
    risk: z.looseObject({ level: z.string() }),
    nextStep: z.string(),
    cut: z.array(z.string()).optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  shortenable: ['changes', 'files'],
  async handler(input, { runtime, signal, client }) {
    const diagnosis = input.diagnosisId === undefined ? undefined : remembered(runtime, input.diagnosisId);
    if (input.kind === 'sizing') {
      if (!diagnosis) throw missing('diagnosisId', 'sizing');
      if (input.edits) {
        throw new Problem(
          'bad-input',
          'A sizing patch writes its own edits.',
          'Leave edits out, or use kind "edits".',
        );
      }
      return proposed(await runtime.proposeSizing(diagnosis, client, signal));
    }
    if (!input.edits) throw missing('edits', 'edits');
    if (input.title === undefined) throw missing('title', 'edits');
    // Without either, nothing could say afterwards whether it helped.
    if (!diagnosis && input.service === undefined) throw missing('diagnosisId or service', 'edits');
    const stack = await chooseStack(runtime, input.stack, signal);
    return proposed(
      await runtime.proposeEdits(
        {
          stack,
          title: input.title,
          rationale: input.rationale ?? [],
          edits: input.edits,
          diagnosis,
          service: input.service,
          operation: input.operation,
        },
        client,
        signal,
      ),
    );
  },
});

function missing(input: string, kind: string): Problem {
  return new Problem(
    'bad-input',
    `kind "${kind}" needs ${input}.`,
    `Call propose_patch again with ${input}.`,
  );
}

function proposed(proposal: Proposal) {
  const diff = plain(proposal.diff, DIFF_CHARACTERS);
  return {
    proposalId: proposal.id,
    state: 'proposed',
    ...summaryOf(proposal),
    diff,
    diffSha256: proposal.diffSha256,
    nextStep:
      'Tell the person that it waits in VS Code under Plumbline for review. get_proposal says what became of it.',
    ...(diff.length < proposal.diff.length
      ? { cut: [`diff: ${diff.length} of ${proposal.diff.length} characters`] }
      : {}),
  };
}

/** What a model needs to speak of a proposal, without its diff. */
export function summaryOf(proposal: Proposal) {
  return {
    title: line(proposal.title, 160),
    stack: line(proposal.stack.fqn, 200),
    files: [...new Set(proposal.edits.map((edit) => line(edit.file, 300)))],
    changes: proposal.changes.map((change) => ({
      urn: line(change.urn, 400),
      property: line(change.property, 100),
      before: line(change.before, 100),
      after: line(change.after, 100),
    })),
    expected: {
      p95BeforeMs: proposal.expected.p95Before === null ? null : rounded(proposal.expected.p95Before),
      p95AfterMs: proposal.expected.p95After === null ? null : rounded(proposal.expected.p95After),
      reasoning: proposal.expected.reasoning.slice(0, 5).map((reason) => line(reason, 250)),
    },
    cost: proposal.cost && {
      beforeUsdPerMonth: rounded(proposal.cost.before),
      afterUsdPerMonth: rounded(proposal.cost.after),
      basis: line(proposal.cost.basis, 250),
    },
    risk: {
      level: proposal.risk.level,
      reasons: proposal.risk.reasons.slice(0, 5).map((reason) => line(reason, 200)),
    },
  };
}
