import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { PreviewResult, ProposalState, Verification } from '../../remediation/proposal.ts';
import { iso, line, plain, rounded } from '../answer.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { summaryOf } from './propose-patch.ts';

const DIFF_CHARACTERS = 2_500;

export const getProposal = defineTool({
  name: 'get_proposal',
  title: 'Read a proposal',
  description:
    'Where a proposal stands: what the person and VS Code did with it, preview, and measured effect.',
  input: z.strictObject({ proposalId: z.string().regex(/^pr_[0-9a-f]{12}$/) }),
  output: z.object({
    proposalId: z.string(),
    state: z.string(),
    title: z.string(),
    stack: z.string(),
    files: z.array(z.string()),
    diff: z.string(),
    preview: z.looseObject({}).nullable(),
    verification: z.looseObject({ verdict: z.string() }).nullable(),
    problem: z.looseObject({ message: z.string() }).nullable(),
    nextStep: z.string(),
    cut: z.array(z.string()).optional(),
  }),
  annotations: READ_ONLY,
  shortenable: ['files'],
  async handler({ proposalId }, { runtime, signal }) {
    const standing = await runtime.proposal(proposalId, signal);
    if (!standing) {
      throw new Problem(
        'not-found',
        `There is no proposal ${proposalId} on this machine.`,
        'Use a proposalId that propose_patch answered.',
      );
    }
    const { title, stack, files } = summaryOf(standing.proposal);
    const diff = plain(standing.proposal.diff, DIFF_CHARACTERS);
    return {
      proposalId,
      state: standing.state,
      title,
      stack,
      files,
      diff,
      preview: standing.preview && previewOf(standing.preview),
      verification: standing.verification && verificationOf(standing.verification),
      problem: standing.problem && {
        message: line(standing.problem.message, 500),
        nextStep: line(standing.problem.nextStep, 300),
      },
      nextStep: standing.seenByWindow
        ? NEXT_STEP[standing.state]
        : 'No VS Code window has taken it in yet: it waits until one with this project is open.',
      ...(diff.length < standing.proposal.diff.length
        ? { cut: [`diff: ${diff.length} of ${standing.proposal.diff.length} characters`] }
        : {}),
    };
  },
});

const NEXT_STEP: Readonly<Record<ProposalState, string>> = {
  proposed: 'It waits for the person’s review in VS Code.',
  approved: 'Approved; the preview comes next, in VS Code.',
  rejected: 'The person rejected it. Ask them why before you propose anything else.',
  expired: 'The approval expired. The person can approve it again in VS Code.',
  previewing: 'The preview runs. Ask again in a moment.',
  previewed: 'The person decides on the preview in VS Code.',
  confirmed: 'Confirmed; it is about to be applied.',
  applying: 'It is being applied. Ask again in a moment.',
  applied: 'Applied; its effect is being measured.',
  failed: 'It failed; see problem.',
  verified: 'Done; verification says what it brought.',
  'rolled-back': 'It was rolled back.',
};

function previewOf(preview: PreviewResult) {
  return {
    summary: { ...preview.summary },
    steps: preview.steps
      .filter((step) => step.operation !== 'same')
      .slice(0, 10)
      .map((step) => `${step.operation} ${line(step.type, 80)} ${line(step.name, 80)}`),
    needsTypedConfirmation: preview.needsTypedConfirmation,
    errors: preview.diagnostics
      .filter((diagnostic) => diagnostic.severity === 'error')
      .slice(0, 3)
      .map((diagnostic) => line(diagnostic.message, 300)),
  };
}

function verificationOf(verification: Verification) {
  const side = (summary: Verification['before']) =>
    summary && {
      p50Ms: rounded(summary.p50),
      p95Ms: rounded(summary.p95),
      p99Ms: rounded(summary.p99),
      count: summary.count,
      errors: summary.errors,
    };
  return {
    verdict: verification.verdict,
    before: side(verification.before),
    after: side(verification.after),
    deployedAt: iso(verification.deployedAt),
    sameLoad: verification.sameLoad,
    notes: verification.notes.slice(0, 5).map((note) => line(note, 250)),
  };
}
