import { lstat, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { PreviewResult, Proposal, ProposalState, Verification } from './proposal.ts';
import { parseProposal } from './proposal-schema.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const ID = /^pr_[0-9a-f]{12}$/;

/** Where a proposal stands, for readers outside of the window. It tells; nothing is ever decided by it. */
export interface Standing {
  readonly proposal: Proposal;
  readonly state: ProposalState;
  readonly preview: PreviewResult | null;
  readonly verification: Verification | null;
  readonly problem: { readonly message: string; readonly nextStep: string } | null;
}

const STATES = [
  'proposed',
  'approved',
  'rejected',
  'expired',
  'previewing',
  'previewed',
  'confirmed',
  'applying',
  'applied',
  'failed',
  'verified',
  'rolled-back',
] as const satisfies readonly ProposalState[];

const StandingSchema = z.object({
  proposal: z.unknown(),
  state: z.enum(STATES),
  preview: z.custom<PreviewResult>(isPreview).nullable(),
  verification: z.custom<Verification>(isVerification).nullable(),
  problem: z.object({ message: z.string(), nextStep: z.string() }).nullable(),
});

/** Files in which the window writes how its proposals stand, one each, and from which the MCP server reads. */
export class StandingStore {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Writes one, whole or not at all, over what was there. */
  async put({ proposal, state, preview, verification, problem }: Standing): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(
      this.#path(proposal.id),
      `${JSON.stringify({ proposal, state, preview, verification, problem })}\n`,
      { mode: 0o600 },
    );
  }

  /** Undefined where no window has written one; a Problem where the file can't be what one wrote. */
  async get(id: string): Promise<Standing | undefined> {
    const path = this.#path(id);
    const stat = await lstat(path).catch(() => undefined);
    if (!stat) return undefined;
    const text = stat.isFile() && stat.size <= MAX_BYTES ? await readFile(path, 'utf8') : '';
    try {
      const { proposal, ...rest } = StandingSchema.parse(JSON.parse(text));
      return { proposal: parseProposal(proposal), ...rest };
    } catch (cause) {
      throw new Problem(
        'bad-input',
        `What the window wrote of proposal ${id} can’t be read.`,
        'Look at the proposal in VS Code.',
        { cause },
      );
    }
  }

  #path(id: string): string {
    if (!ID.test(id)) {
      throw new Problem('bad-input', 'That is not the id of a proposal.', 'Ids look like pr_0123456789ab.');
    }
    return join(this.dir, `${id}.json`);
  }
}

/** As much of the shape as readers rest on: the window wrote it, and a reader shows it, no more. */
function isPreview(value: unknown): boolean {
  return (
    has(value, 'steps', Array.isArray) &&
    has(value, 'diagnostics', Array.isArray) &&
    has(value, 'summary', isObject)
  );
}

function isVerification(value: unknown): boolean {
  return has(value, 'verdict', (v) => typeof v === 'string') && has(value, 'notes', Array.isArray);
}

function has(value: unknown, key: string, is: (item: unknown) => boolean): boolean {
  return isObject(value) && is((value as Record<string, unknown>)[key]);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
