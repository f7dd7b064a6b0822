import { Problem } from '../problem.ts';
import { proposalId } from '../remediation/draft.ts';
import type { Proposal, RiskLevel } from '../remediation/proposal.ts';
import { assessRisk } from '../remediation/risk.ts';

const order: readonly RiskLevel[] = ['low', 'medium', 'high'];
const MAX_REASONS = 50;

/**
 * A proposal out of the inbox, believed in nothing that can be seen in its edits: it comes from an assistant, and its
 * risk is at least the one that its edits show (it then bears another id). Throws `refused` where it says that it comes from elsewhere.
 */
export function inboxProposal(proposal: Proposal): Proposal {
  if (proposal.origin.by !== 'mcp') {
    throw new Problem(
      'refused',
      'A proposal in the inbox says that it comes from a diagnosis of this window, which leaves none there.',
      'Propose again through the MCP server.',
    );
  }
  const seen = assessRisk(proposal.edits);
  const { level, reasons } = proposal.risk;
  const graver = order.indexOf(seen.level) > order.indexOf(level);
  if (!graver && seen.reasons.every((reason) => reasons.includes(reason))) return proposal;
  const risk = {
    level: graver ? seen.level : level,
    reasons: [...new Set([...seen.reasons, ...reasons])].slice(0, MAX_REASONS),
  };
  // The id is that of the content, which is now another one.
  const { id: _, ...content } = { ...proposal, risk };
  return { id: proposalId(content), ...content };
}
