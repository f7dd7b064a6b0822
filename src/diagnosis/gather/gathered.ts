import type { MetricQuery, MetricSeries, StackUpdate, Workload } from '../../infrastructure/model.ts';
import type { QuerySpec, TimeWindow } from '../../telemetry/query.ts';
import type { Gap } from '../diagnosis.ts';

/**
 * What gathering hands to reasoning: numbers and names as they were read, with the query each came from.
 * Times are epoch milliseconds, durations milliseconds. Names are untrusted text.
 */
export interface Gathered {
  readonly now: number;
  readonly lookback: TimeWindow;
  /** Name of the telemetry store, and the dataset that was asked. */
  readonly store: string;
  readonly dataset: string;
  /** Seconds in a point of the entry series. */
  readonly granularitySeconds: number;
  readonly symptom: SymptomOperation;
  /** What `calls` holds: the requests of the symptom alone, or all spans there are. */
  readonly scope: 'symptom' | 'everything';
  /** All operations through which requests come in, with their latency over time. */
  readonly entries: Answered<EntrySeries>;
  readonly windows: Windows;
  readonly calls: Answered<CallRow> | null;
  readonly instances: Answered<InstanceRow> | null;
  readonly exemplars: Answered<Exemplar> | null;
  /** The symptom's requests of the incident, told apart by how long they took; null when that could not be asked. */
  readonly comparison: Comparison | null;
  readonly workloads: readonly Workload[];
  readonly metrics: GatheredMetrics | null;
  /** Hosts and ports at which resources of the stack answer. */
  readonly endpoints: readonly ResourceEndpoint[];
  readonly updates: readonly StackChange[];
  readonly markers: readonly { readonly time: number; readonly title: string }[];
  readonly gaps: readonly Gap[];
  /** Query results that were created. */
  readonly requests: number;
}

export interface QueryRecord {
  readonly spec: QuerySpec;
  readonly window: TimeWindow;
  readonly url?: string;
  readonly truncated: boolean;
}

export interface Answered<T> {
  readonly rows: readonly T[];
  readonly query: QueryRecord;
}

export interface SymptomOperation {
  readonly service: string;
  readonly operation: string;
  /** True when it starts traces, so that `calls` holds these traces alone. */
  readonly isRoot: boolean;
}

/** The periods that are compared, and how they were told apart. */
export interface Windows {
  readonly incident: TimeWindow;
  /**
   * What the incident is compared with, at most six, oldest first. Several tell how much healthy times differ from each
   * other, and outvote one that held a fault of its own. Empty: there is nothing to compare with.
   */
  readonly baselines: readonly TimeWindow[];
  readonly onset: { readonly time: number; readonly earliest: number; readonly latest: number } | null;
  /** `shift`: latency or errors changed between them. `asked`: the caller named them. `slices`: nothing changed, the newest part is compared with the rest. `none`: one window alone. */
  readonly origin: 'shift' | 'asked' | 'slices' | 'none';
}

export interface LatencyStatistics {
  readonly count: number;
  readonly errors: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface EntryPoint extends LatencyStatistics {
  readonly time: number;
}

export interface EntrySeries {
  readonly service: string;
  readonly operation: string;
  readonly total: LatencyStatistics;
  readonly points: readonly EntryPoint[];
}

/** `incident`, or `baseline-0`… in the order of `Windows.baselines`. */
export type WindowName = 'incident' | `baseline-${number}`;

/** All spans of one operation below one parent operation, in one window. */
export interface CallRow extends LatencyStatistics {
  readonly window: WindowName;
  readonly service: string;
  readonly operation: string;
  readonly parentService: string | null;
  readonly parentOperation: string | null;
  /** `client`, `server`, `internal`, `producer`, `consumer`; null where the telemetry has no kinds. */
  readonly spanKind: string | null;
  /** What the call leads to, as its attributes name it (a model provider, a database system). */
  readonly peer: string | null;
  /** `host` or `host:port` of the other side. */
  readonly address: string | null;
  readonly totalMs: number;
  /** The fastest tenth tells a delay that meets every call from a wait that some calls are spared. */
  readonly p10: number;
  /** The same spans' parents. Null where the store doesn't compute over parents (Honeycomb groups and filters by them alone). */
  readonly parent: { readonly totalMs: number; readonly p10: number; readonly p50: number } | null;
}

/** All entry and server spans of one running copy of a service, in one window. */
export interface InstanceRow extends LatencyStatistics {
  readonly window: WindowName;
  readonly service: string;
  readonly instance: string | null;
  readonly version: string | null;
  readonly revision: string | null;
}

export interface Comparison {
  /** Milliseconds: what takes longer counts as slow. */
  readonly threshold: number;
  readonly attributes: readonly string[];
  readonly rows: readonly ComparedRequests[];
  readonly query: QueryRecord;
}

/** Requests of one speed with the same values. */
export interface ComparedRequests {
  readonly slow: boolean;
  readonly count: number;
  /** In the order of the comparison's attributes; null where a request has none. */
  readonly values: readonly (string | null)[];
}

export interface Exemplar {
  readonly traceId: string;
  readonly durationMs: number;
}

export interface GatheredMetrics {
  readonly store: string;
  readonly region: string;
  /** AWS itself answered, so that its console shows the same. */
  readonly fromAws?: boolean;
  readonly window: TimeWindow;
  readonly periodSeconds: number;
  readonly series: readonly MeasuredSeries[];
}

/** One metric and whose it is: a service of the telemetry, or a resource of the stack. */
export interface MeasuredSeries {
  readonly measurand: 'cpu' | 'memory';
  readonly statistic: MetricQuery['statistic'];
  readonly service: string | null;
  readonly urn: string | null;
  readonly query: MetricQuery;
  readonly status: MetricSeries['status'];
  readonly points: MetricSeries['points'];
}

export interface ResourceEndpoint {
  readonly urn: string;
  readonly name: string;
  readonly host: string;
  readonly port: number | null;
}

export interface StackChange {
  readonly stack: string;
  /** URL of the backend that holds the stack. */
  readonly backend: string;
  readonly update: StackUpdate;
}
