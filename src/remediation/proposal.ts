import type { CauseKind } from '../diagnosis/diagnosis.ts';
import type { StackRef } from '../infrastructure/model.ts';

/** One replacement in one file of the project; `oldText` matches exactly once in the bytes that `baseSha256` names. */
export interface Edit {
  /** Relative to the project's folder, forward slashes. */
  readonly file: string;
  readonly baseSha256: string;
  readonly oldText: string;
  readonly newText: string;
}

export interface MonthlyCost {
  /** US dollars a month (730 hours), for all tasks. */
  readonly before: number;
  readonly after: number;
  /** What is and isn't in it, and where the price is from. */
  readonly basis: string;
}

export interface ExpectedEffect {
  /** Milliseconds; null where no figure can be argued for. */
  readonly p95Before: number | null;
  readonly p95After: number | null;
  readonly reasoning: readonly string[];
}

export interface PropertyChange {
  readonly urn: string;
  readonly property: string;
  readonly before: string;
  readonly after: string;
}

export type RiskLevel = 'low' | 'medium' | 'high';

export interface Risk {
  readonly level: RiskLevel;
  readonly reasons: readonly string[];
}

/** A change of the Pulumi program, ready to be looked at. Making one changes nothing. */
export interface Proposal {
  /** `pr_` and 12 hex digits of the content's hash. */
  readonly id: string;
  readonly title: string;
  readonly stack: StackRef;
  readonly edits: readonly Edit[];
  /** What the edits mean for the resources, as far as it is known before a preview. */
  readonly changes: readonly PropertyChange[];
  readonly kind: CauseKind;
  readonly service: string;
  readonly operation?: string;
  readonly rationale: readonly string[];
  readonly expected: ExpectedEffect;
  readonly cost: MonthlyCost | null;
  readonly risk: Risk;
  /** Unified diff, made anew from the files as they would be. */
  readonly diff: string;
  readonly diffSha256: string;
  readonly diagnosisId?: string;
  /** Who asked for it: a person's diagnosis in the window, or a model through MCP. */
  readonly origin: { readonly by: 'diagnosis' } | { readonly by: 'mcp'; readonly client: string };
  /** Epoch milliseconds. Not part of the id. */
  readonly createdAt: number;
}

export type ProposalState =
  | 'proposed'
  | 'approved'
  | 'rejected'
  | 'expired'
  | 'previewing'
  | 'previewed'
  | 'confirmed'
  | 'applying'
  | 'applied'
  | 'failed'
  | 'verified'
  | 'rolled-back';

export type StepOperation =
  | 'create'
  | 'update'
  | 'replace'
  | 'delete'
  | 'same'
  | 'read'
  | 'refresh'
  | 'import'
  | 'other';

export interface PreviewStep {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly operation: StepOperation;
  /** Property path → before and after, secrets as `[secret]`. */
  readonly properties: readonly {
    readonly path: string;
    readonly before: string | null;
    readonly after: string | null;
    readonly replaces: boolean;
  }[];
}

export interface PreviewResult {
  readonly steps: readonly PreviewStep[];
  readonly summary: Readonly<Partial<Record<StepOperation, number>>>;
  readonly diagnostics: readonly {
    readonly severity: 'info' | 'warning' | 'error';
    readonly message: string;
  }[];
  /** True when a step deletes, replaces what holds data, unprotects, or touches IAM or public exposure: wants a typed confirmation. */
  readonly needsTypedConfirmation: boolean;
  readonly confirmationReasons: readonly string[];
  readonly durationMs: number;
  /** How the approval binds the update: the saved plan, or (weaker) the canonical list of steps. */
  readonly binding: 'plan' | 'steps';
}

/** One side of the comparison that verification makes. Milliseconds; `errors` and `count` are spans. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
  readonly errors: number;
  /** Requests a second. */
  readonly rate: number;
}

export type VerificationVerdict = 'improved' | 'unchanged' | 'worse' | 'undetermined';

export interface Verification {
  readonly verdict: VerificationVerdict;
  readonly before: LatencySummary | null;
  readonly after: LatencySummary | null;
  /** Epoch milliseconds: the rollout's completion, the dividing line. */
  readonly deployedAt: number;
  readonly windowSeconds: number;
  /** Whether the load was alike before and after (rates within a factor that is said in `notes`). */
  readonly sameLoad: boolean | null;
  readonly notes: readonly string[];
}
