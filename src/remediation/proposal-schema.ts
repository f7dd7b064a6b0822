import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { Proposal } from './proposal.ts';

const line = z.string().max(1_000);
const lines = z.array(z.string().max(2_000)).max(50);

const Stack = z.strictObject({
  fqn: line.regex(/^[^\s/-][^\s/]*\/[^\s/]+\/[^\s/]+$/, 'organization/project/stack'),
  project: line,
  name: line,
  backend: line,
  projectDir: z.string().max(4_096),
});

const Origin = z.union([
  z.strictObject({ by: z.literal('diagnosis') }),
  z.strictObject({ by: z.literal('mcp'), client: z.string().max(200) }),
]);

/** The shape of a proposal and the lengths that are taken. What it says of itself is checked against the files elsewhere. */
const ProposalSchema = z.strictObject({
  id: z.string().regex(/^pr_[0-9a-f]{12}$/),
  title: z.string().min(1).max(300),
  stack: Stack,
  edits: z
    .array(
      z.strictObject({
        file: z.string().min(1).max(400),
        baseSha256: z.string().regex(/^[0-9a-f]{64}$/),
        oldText: z.string().min(1).max(100_000),
        newText: z.string().max(100_000),
      }),
    )
    .min(1)
    .max(50),
  changes: z
    .array(
      z.strictObject({
        urn: line,
        property: line,
        before: z.string().max(4_000),
        after: z.string().max(4_000),
      }),
    )
    .max(200),
  kind: z.enum([
    'cpu',
    'memory',
    'throttling',
    'network',
    'dependency',
    'application',
    'errors',
    'traffic',
    'change',
  ]),
  service: line,
  operation: line.optional(),
  rationale: lines,
  expected: z.strictObject({
    p95Before: z.number().nullable(),
    p95After: z.number().nullable(),
    reasoning: lines,
  }),
  cost: z.strictObject({ before: z.number(), after: z.number(), basis: z.string().max(2_000) }).nullable(),
  risk: z.strictObject({ level: z.enum(['low', 'medium', 'high']), reasons: lines }),
  diff: z.string().max(1_000_000),
  diffSha256: z.string().regex(/^[0-9a-f]{64}$/),
  diagnosisId: line.optional(),
  origin: Origin,
  createdAt: z.number(),
});

/** Reads a proposal that came from outside of this process; a Problem says what does not fit. */
export function parseProposal(value: unknown): Proposal {
  const parsed = ProposalSchema.safeParse(value);
  if (!parsed.success) {
    throw new Problem(
      'bad-input',
      `This is not a proposal: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ').slice(0, 500)}`,
      'Propose again with the tool of this version of Plumbline.',
    );
  }
  // zod gives optional keys as `T | undefined`; what is not there is left out.
  const { operation, diagnosisId, ...rest } = parsed.data;
  return {
    ...rest,
    ...(operation !== undefined && { operation }),
    ...(diagnosisId !== undefined && { diagnosisId }),
  };
}
