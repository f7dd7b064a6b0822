import type { Workload } from '../infrastructure/model.ts';
import type { TimeWindow } from '../telemetry/query.ts';

/** The structured answer to "why is this slow?". Sentences are made from it (narrate.ts), never beside it. */

export type Verdict = 'cause' | 'nothing-wrong' | 'infrastructure-is-not-the-cause' | 'undetermined';

export type CauseKind =
  | 'cpu'
  | 'memory'
  | 'throttling'
  | 'network'
  | 'dependency'
  | 'application'
  | 'errors'
  | 'traffic'
  | 'change';

/** Kinds that a change of the machine's size can help. */
export const SIZING_KINDS: ReadonlySet<CauseKind> = new Set(['cpu', 'memory', 'throttling']);

export type EvidenceId = string;

export interface Target {
  readonly service: string;
  readonly operation?: string;
  /** One instance, where only it is affected. */
  readonly instance?: string;
  /** URN of the resource, where the stack holds it. */
  readonly resource?: string;
  /** Property of that resource, such as `cpu`. */
  readonly property?: string;
  /** A dependency outside of the telemetry: a model provider, a database. */
  readonly dependency?: string;
}

export type QuantityUnit =
  | 'ms'
  | 'percent'
  | 'count'
  | 'per-second'
  | 'ratio'
  | 'cpu-units'
  | 'MiB'
  | 'share'
  | 'epoch-ms';

export interface Quantity {
  readonly name: string;
  readonly value: number;
  readonly unit: QuantityUnit;
}

export type EvidenceKind =
  | 'latency'
  | 'breakdown'
  | 'utilisation'
  | 'reservation'
  | 'errors'
  | 'traffic'
  | 'dependency'
  | 'instance'
  | 'change'
  | 'comparison'
  | 'exemplar';

/** One thing that was observed, with the numbers and the query that gave it. */
export interface Evidence {
  /** `ev_` and 12 hex digits of the content's hash: the same today and tomorrow. */
  readonly id: EvidenceId;
  readonly kind: EvidenceKind;
  readonly subject: Target;
  /** What the numbers show, as one plain sentence made from them. */
  readonly summary: string;
  readonly window: TimeWindow;
  readonly baseline?: TimeWindow;
  readonly numbers: readonly Quantity[];
  /** Spans or points that the numbers rest on. */
  readonly n: number;
  readonly source: EvidenceSource;
}

export type EvidenceSource =
  | {
      readonly from: 'telemetry';
      readonly store: string;
      readonly dataset: string;
      readonly query: unknown;
      readonly url?: string;
    }
  | {
      readonly from: 'metrics';
      readonly store: string;
      readonly region: string;
      readonly query: unknown;
      readonly url?: string;
    }
  | { readonly from: 'stack'; readonly stack: string; readonly urn?: string; readonly url?: string };

export interface Cause {
  readonly kind: CauseKind;
  readonly target: Target;
  /** Part of the slowdown that this explains, 0…1; null where it can't be measured. */
  readonly share: number | null;
  /** 0…1. */
  readonly confidence: number;
  readonly evidence: readonly EvidenceId[];
}

export interface RuledOut {
  readonly kind: CauseKind;
  readonly target: Target;
  readonly reason: string;
  readonly evidence: readonly EvidenceId[];
}

/** Something that could not be read or is too thin to rest on, and what it would take. */
export interface Gap {
  readonly what: string;
  readonly why: string;
  readonly nextStep: string;
}

/** The operation that a person would feel as slow. */
export interface Symptom {
  readonly service: string;
  readonly operation: string;
  readonly p95Before: number | null;
  readonly p95After: number;
  /** When it began, epoch milliseconds, with the interval it lies in; null when there was no change. */
  readonly onset: { readonly time: number; readonly earliest: number; readonly latest: number } | null;
}

/** A point of latency over time of the symptom's operation. Milliseconds. */
export interface LatencyPoint {
  readonly time: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
  readonly errors: number;
}

/** One operation's own time in both windows, per request of the symptom. */
export interface OperationShare {
  readonly service: string;
  readonly operation: string;
  readonly parentOperation: string | null;
  readonly depth: number;
  /** Milliseconds per request of the symptom's operation. */
  readonly exclusiveBefore: number | null;
  readonly exclusiveAfter: number;
  readonly totalAfter: number;
  readonly callsPerRequestBefore: number | null;
  readonly callsPerRequestAfter: number;
  readonly p95After: number;
}

/** A value that slow requests have more often than the others of the incident. */
export interface ComparedValue {
  readonly attribute: string;
  /** Null: the requests that lack the attribute. */
  readonly value: string | null;
  /** Parts of the slow requests and of the others that have it, 0…1. */
  readonly shareSlow: number;
  readonly shareOthers: number;
  /** Natural logarithm, with half a request added to each count. */
  readonly logOddsRatio: number;
  /** Part of what is named at this level that is expected to be chance (Benjamini & Hochberg). */
  readonly qValue: number;
  readonly evidence: EvidenceId;
}

export interface Diagnosis {
  /** Hash of the content: equal input gives an equal id. */
  readonly id: string;
  readonly verdict: Verdict;
  readonly symptom: Symptom | null;
  /** Best first. */
  readonly causes: readonly Cause[];
  /** From the cause to the symptom. */
  readonly cascade: readonly Target[];
  readonly ruledOut: readonly RuledOut[];
  readonly gaps: readonly Gap[];
  readonly evidence: readonly Evidence[];
  readonly incident: TimeWindow;
  readonly baseline: TimeWindow | null;
  readonly latency: readonly LatencyPoint[];
  readonly operations: readonly OperationShare[];
  /** What slow requests have in common that others lack, the greatest difference first; empty where nothing differs. */
  readonly comparison: readonly ComparedValue[];
  readonly workloads: readonly Workload[];
  /** Moments worth a line on the chart: updates of the stack, markers. */
  readonly changes: readonly ChangeEvent[];
  /** Query results that were created for it. */
  readonly requests: number;
}

export interface ChangeEvent {
  readonly time: number;
  readonly kind: 'stack-update' | 'marker' | 'new-version';
  readonly title: string;
}
