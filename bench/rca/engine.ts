import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import type { NodeSeries } from '../../src/diagnosis/reason/service-map/service-map.ts';
import type { TelemetryStore } from '../../src/telemetry/query.ts';
import type { RcaCase } from './layout.ts';

/** One reading of a machine. `time` in epoch seconds. */
export interface MetricPoint {
  readonly time: number;
  readonly service: string;
  readonly instance: string | null;
  readonly metric: string;
  readonly value: number;
  /** Null where it is something else than the use of CPU or memory. */
  readonly use: MachineUse | null;
}

/** Use of what a copy of a service may use; where no limit is known, of the most that it was seen to use. */
export interface MachineUse {
  readonly measurand: 'cpu' | 'memory';
  readonly percent: number;
}

/** Who calls whom, and what each node of the map was measured at: all that systems without traces have. */
export interface ServiceMap {
  readonly calls: readonly { readonly caller: string; readonly callee: string }[];
  /** Readings of the incident's store, and of the baseline's, by node. */
  readonly incident: ReadonlyMap<string, NodeSeries>;
  readonly baseline: ReadonlyMap<string, NodeSeries>;
}

/** Everything that an engine may look at for one case. */
export interface CaseInput {
  readonly case: RcaCase;
  /** Asked with the product's queries; null where the data set has no spans. */
  readonly spans: TelemetryStore | null;
  /** Readings in and around the windows of the case. */
  readonly metrics: readonly MetricPoint[];
  readonly map: ServiceMap | null;
}

/** What the harness runs: the product's engine, a simple baseline, or another idea. */
export interface RcaEngine {
  readonly name: string;
  answer(input: CaseInput, signal: AbortSignal): Promise<Answer>;
}
