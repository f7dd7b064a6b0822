import type { TimeWindow } from '../telemetry/query.ts';

/** A stack as its backend names it. */
export interface StackRef {
  /** `organization/project/stack`; what `--stack` takes. */
  readonly fqn: string;
  readonly project: string;
  readonly name: string;
  /** URL of the backend (`file:///…`, `https://api.pulumi.com`, `s3://…`), without credentials. */
  readonly backend: string;
  /** Absolute path of the folder with Pulumi.yaml. */
  readonly projectDir: string;
}

/** Where a resource is declared. Lines and columns count from 1. */
export interface SourcePosition {
  /** Relative to the project's folder, forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface StackResource {
  readonly urn: string;
  /** Type token, such as `aws:ecs/taskDefinition:TaskDefinition`. */
  readonly type: string;
  readonly name: string;
  readonly id?: string;
  readonly parent?: string;
  readonly dependencies: readonly string[];
  readonly protect: boolean;
  /** As the state has them; secrets are replaced by the text `[secret]`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly source?: SourcePosition;
}

export interface StackSnapshot {
  readonly stack: StackRef;
  readonly resources: readonly StackResource[];
  readonly pendingOperations: readonly string[];
  /** Digest of the deployment without what moves by itself (manifest.time, magic, modified); what an approval binds to. */
  readonly digest: string;
}

export interface StackUpdate {
  readonly kind: 'update' | 'refresh' | 'destroy' | 'import' | 'other';
  readonly result: 'succeeded' | 'failed' | 'in-progress';
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number | null;
  readonly message: string;
  /** Operation → number of resources (`create`, `update`, `delete`, `replace`, `same`). */
  readonly changes: Readonly<Record<string, number>>;
  readonly gitCommit?: string;
  /** Number of the update in its backend; a file backend counts none. */
  readonly version?: number;
}

/** A service of the telemetry and the machine it runs on, joined. */
export interface Workload {
  /** `service.name` of its spans. */
  readonly service: string;
  readonly platform: 'ecs';
  readonly region: string;
  readonly cluster: string;
  readonly ecsService: string;
  readonly taskFamily: string;
  readonly launchType: 'FARGATE' | 'EC2' | 'EXTERNAL' | 'unknown';
  /** The reservation of one task: 1024 units are one vCPU; MiB. */
  readonly cpuUnits: number;
  readonly memoryMiB: number;
  readonly desiredCount: number;
  /** URNs in the stack, where the stack holds them. */
  readonly taskDefinitionUrn?: string;
  readonly serviceUrn?: string;
  /** How the join was made, in words, to be shown as evidence. */
  readonly joinedBy: string;
}

/** What the rest of Plumbline needs to know of the infrastructure as code: the Pulumi CLI, or a recording. Reads only. */
export interface StackSource {
  stacks(signal?: AbortSignal): Promise<readonly StackRef[]>;
  snapshot(stack: StackRef, signal?: AbortSignal): Promise<StackSnapshot>;
  /** Newest first, at most `limit`. */
  updates(stack: StackRef, limit: number, signal?: AbortSignal): Promise<readonly StackUpdate[]>;
}

export type MetricUnit = 'percent' | 'count' | 'seconds' | 'bytes' | 'cpu-units' | 'MiB' | 'count/second';
export type MetricStatistic = 'average' | 'maximum' | 'minimum' | 'sum' | 'p95' | 'p99';

/** As CloudWatch's API and its console call them. */
export const CLOUDWATCH_STATISTIC: Readonly<Record<MetricStatistic, string>> = {
  average: 'Average',
  maximum: 'Maximum',
  minimum: 'Minimum',
  sum: 'Sum',
  p95: 'p95',
  p99: 'p99',
};

/** One series asked of a metrics source. */
export interface MetricQuery {
  /** Chosen by the caller; the answer carries it. */
  readonly id: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: MetricStatistic;
  readonly unit: MetricUnit;
}

export interface MetricSeries {
  readonly id: string;
  readonly query: MetricQuery;
  /** Epoch milliseconds and value, in time order; empty when there is no data, which never means healthy. */
  readonly points: readonly { readonly time: number; readonly value: number }[];
  readonly status: 'complete' | 'partial' | 'forbidden' | 'no-data' | 'error';
  readonly message?: string;
}

export interface MetricBatch {
  readonly region: string;
  readonly account?: string;
  /** AWS itself answered, not what stands in for it at an endpoint of its own. */
  readonly fromAws?: boolean;
  readonly window: TimeWindow;
  readonly periodSeconds: number;
  readonly series: readonly MetricSeries[];
}

/** What the rest of Plumbline needs of a metrics store: CloudWatch, or a recording. One call is one batch. */
export interface MetricsSource {
  readonly name: string;
  batch(queries: readonly MetricQuery[], window: TimeWindow, signal?: AbortSignal): Promise<MetricBatch>;
}

export interface Deployment {
  readonly id: string;
  readonly taskDefinition: string;
  readonly rollout: 'in-progress' | 'completed' | 'failed';
  readonly reason?: string;
  readonly running: number;
  readonly desired: number;
  readonly pending: number;
  readonly failedTasks: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The state of a service's rollout, from ECS. */
export interface RolloutSource {
  deployments(
    workload: Pick<Workload, 'cluster' | 'ecsService' | 'region'>,
    signal?: AbortSignal,
  ): Promise<readonly Deployment[]>;
}
