import { join } from 'node:path';
import { Problem } from '../problem.ts';
import { filesOf } from '../remediation/check.ts';
import { complete } from '../remediation/draft.ts';
import { withLineEndsOf } from '../remediation/edits.ts';
import type { Edit, Proposal } from '../remediation/proposal.ts';
import { parseProposal } from '../remediation/proposal-schema.ts';
import { ProposalStore } from '../remediation/proposal-store.ts';
import { assessRisk } from '../remediation/risk.ts';
import { type Standing, StandingStore } from '../remediation/standing-store.ts';
import { line } from './answer.ts';
import { readProgramFile } from './program-files.ts';
import type { EditsRequest, ProposalStanding } from './runtime.ts';

/** Where models leave proposals and read what became of them. The folders are made when the first one is left. */
export class Proposals {
  readonly #inbox: ProposalStore;
  readonly #standings: StandingStore;

  constructor(stateDir: string) {
    this.#inbox = new ProposalStore(join(stateDir, 'inbox'));
    this.#standings = new StandingStore(join(stateDir, 'standings'));
  }

  /** Checks edits that a model wrote against the files as they are, and leaves them as a proposal. */
  async propose(request: EditsRequest, client: string, now: number, signal: AbortSignal): Promise<Proposal> {
    const { stack, diagnosis } = request;
    const edits: Edit[] = [];
    for (const edit of request.edits) {
      const current = await readProgramFile(stack.projectDir, edit.file, signal);
      const { file, oldText, newText, baseSha256 = current.sha256 } = edit;
      edits.push(withLineEndsOf(current, { file, baseSha256, oldText, newText }));
    }
    const files = await filesOf(stack.projectDir, edits);
    signal.throwIfAborted();
    const unfounded = diagnosis?.verdict === 'infrastructure-is-not-the-cause';
    const operation = diagnosis?.symptom?.operation ?? request.operation;
    return this.leave(
      complete(
        {
          title: line(request.title, 200),
          stack,
          edits,
          changes: [],
          kind: diagnosis?.causes[0]?.kind ?? 'application',
          service: diagnosis?.symptom?.service ?? request.service ?? '',
          ...(operation === undefined ? {} : { operation }),
          rationale: request.rationale.map((reason) => line(reason, 500)),
          expected: {
            p95Before: diagnosis?.symptom?.p95After ?? null,
            p95After: null,
            reasoning: ['A model wrote these edits; nothing has been reckoned for them.'],
          },
          cost: null,
          risk: assessRisk(edits, [
            { level: 'medium', reason: 'A model wrote these edits.' },
            ...(unfounded
              ? [
                  {
                    level: 'medium' as const,
                    reason: 'The diagnosis says that the infrastructure is not the cause.',
                  },
                ]
              : []),
          ]),
          ...(diagnosis ? { diagnosisId: diagnosis.id } : {}),
          origin: { by: 'mcp', client: line(client, 100) },
          createdAt: now,
        },
        files,
      ),
    );
  }

  /** Puts a proposal into the inbox, from where a window takes it in. */
  async leave(proposal: Proposal): Promise<Proposal> {
    const checked = parseProposal(proposal);
    try {
      await this.#inbox.put(checked);
    } catch (cause) {
      throw new Problem(
        'internal',
        'The proposal can’t be written to the folder where windows look for it.',
        'Check that PLUMBLINE_STATE_DIR names a folder that can be written.',
        { cause },
      );
    }
    return checked;
  }

  /** Where a proposal stands, as the window wrote it; one that no window has taken in yet stands as proposed. */
  async standing(id: string): Promise<ProposalStanding | undefined> {
    const known: Standing | undefined = await this.#standings.get(id);
    if (known) return { ...known, seenByWindow: true };
    try {
      const proposal = await this.#inbox.get(id);
      return {
        proposal,
        state: 'proposed',
        seenByWindow: false,
        preview: null,
        verification: null,
        problem: null,
      };
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.code === 'not-found') return undefined;
      throw thrown;
    }
  }
}
