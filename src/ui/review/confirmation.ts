import type { PreviewResult, Proposal, StepOperation } from '../../remediation/proposal.ts';
import type { ProposalView } from '../../workflow/messages.ts';
import { duration, oneLine } from '../words.ts';

/** Operations that change something, the gravest first, as the dialog names them. */
const verbs: readonly (readonly [StepOperation, string])[] = [
  ['delete', 'Delete'],
  ['replace', 'Replace'],
  ['create', 'Create'],
  ['update', 'Update'],
  ['import', 'Import'],
];

const STEPS_NAMED = 12;

/** The question before an assistant's program text is run: a preview executes the program. */
export function approvalWords(proposal: Proposal): {
  readonly message: string;
  readonly detail: string;
  readonly action: string;
} {
  const by = proposal.origin.by === 'mcp' ? oneLine(proposal.origin.client, 60) : '';
  return {
    message: "Run this assistant's program text in a preview?",
    detail: [
      `Proposal: ${oneLine(proposal.title, 100)}`,
      `Proposed by: ${by || 'an assistant'}`,
      `Stack: ${oneLine(proposal.stack.fqn)}`,
      'A preview runs the patched program on this machine, with your credentials. It changes no resource.',
    ].join('\n'),
    action: 'Approve',
  };
}

/** The question before `pulumi up`: which stack, and what would be created, updated, replaced and deleted. */
export function confirmationWords(
  proposal: Proposal,
  preview: PreviewResult,
): { readonly message: string; readonly detail: string; readonly action: string } {
  const steps = verbs.flatMap(([operation, verb]) =>
    preview.steps
      .filter((step) => step.operation === operation)
      .map((step) => `${verb} ${oneLine(step.name, 80)} (${oneLine(step.type, 80)})`),
  );
  const more = steps.length - STEPS_NAMED;
  const claimed = proposal.origin.by === 'mcp' ? ', as the assistant claims' : '';
  const cost =
    proposal.cost === null
      ? []
      : [`Cost a month${claimed}: $${proposal.cost.before.toFixed(2)} → $${proposal.cost.after.toFixed(2)}`];
  const detail = [
    ...(steps.length === 0 ? ['The preview changes no resource.'] : steps.slice(0, STEPS_NAMED)),
    ...(more > 0 ? [`… and ${more} more, listed in the panel`] : []),
    '',
    `Stack: ${oneLine(proposal.stack.fqn)}`,
    `Backend: ${oneLine(proposal.stack.backend)}`,
    ...cost,
    ...preview.confirmationReasons.map((reason) => oneLine(reason, 300)),
  ];
  return {
    message: `Apply “${oneLine(proposal.title, 100)}” to the stack ${oneLine(proposal.stack.name)}?`,
    detail: detail.join('\n'),
    action: 'Apply',
  };
}

/** How it ended, for the notification. */
export function outcomeWords(view: ProposalView): {
  readonly level: 'info' | 'warning';
  readonly message: string;
} {
  const { verification, proposal } = view;
  const title = oneLine(proposal.title, 100);
  if (verification === null)
    return { level: 'info', message: `Applied: ${title}. It could not be verified yet.` };
  const { before, after } = verification;
  const load = verification.sameLoad === false ? ', though not under the same load' : '';
  const figures =
    before === null || after === null ? '' : ` P95 ${duration(before.p95)} → ${duration(after.p95)}${load}.`;
  switch (verification.verdict) {
    case 'improved':
      return { level: 'info', message: `Applied and verified: ${title}.${figures}` };
    case 'unchanged':
      return { level: 'warning', message: `Applied, but it did not help: ${title}.${figures}` };
    case 'worse':
      return { level: 'warning', message: `Applied, and latency is worse: ${title}.${figures}` };
    case 'undetermined':
      return {
        level: 'warning',
        message: `Applied, but there is too little telemetry to judge: ${title}.${figures}`,
      };
  }
}
