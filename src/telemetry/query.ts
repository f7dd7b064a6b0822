/**
 * Honeycomb's query specification and its answers, as the Query Data API has them; the collector answers the same.
 * Times are epoch milliseconds everywhere in Plumbline and become epoch seconds only on the wire.
 */

/** A half-open interval [start, end), epoch milliseconds. */
export interface TimeWindow {
  readonly start: number;
  readonly end: number;
}

export type CalculationOp =
  | 'COUNT'
  | 'CONCURRENCY'
  | 'SUM'
  | 'AVG'
  | 'COUNT_DISTINCT'
  | 'HEATMAP'
  | 'MAX'
  | 'MIN'
  | 'P001'
  | 'P01'
  | 'P05'
  | 'P10'
  | 'P20'
  | 'P25'
  | 'P50'
  | 'P75'
  | 'P80'
  | 'P90'
  | 'P95'
  | 'P99'
  | 'P999'
  | 'RATE_AVG'
  | 'RATE_SUM'
  | 'RATE_MAX';

export type FilterOp =
  | '='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | 'starts-with'
  | 'does-not-start-with'
  | 'ends-with'
  | 'does-not-end-with'
  | 'exists'
  | 'does-not-exist'
  | 'contains'
  | 'does-not-contain'
  | 'in'
  | 'not-in';

export type Scalar = string | number | boolean;

export interface Calculation {
  readonly op: CalculationOp;
  readonly column?: string;
  /** Gives the value's key in the answer; without it the key is `COUNT` or `OP(column)`. */
  readonly name?: string;
}

export interface Filter {
  readonly column: string;
  readonly op: FilterOp;
  readonly value?: Scalar | readonly Scalar[];
}

export interface Order {
  readonly op?: CalculationOp;
  readonly column?: string;
  readonly order?: 'ascending' | 'descending';
}

export interface Having {
  readonly calculate_op: CalculationOp;
  readonly column?: string;
  readonly op: '=' | '!=' | '>' | '>=' | '<' | '<=';
  readonly value: number;
}

export interface CalculatedField {
  readonly name: string;
  /** Honeycomb's expression language: `$col`, IF, EQUALS, GTE, EVENT_TIMESTAMP, arithmetic… */
  readonly expression: string;
}

/** One query without its time: the window is given beside it. Breakdowns and filters may carry `root.` or `parent.` prefixes. */
export interface QuerySpec {
  readonly breakdowns?: readonly string[];
  readonly calculations: readonly Calculation[];
  readonly filters?: readonly Filter[];
  readonly filter_combination?: 'AND' | 'OR';
  readonly orders?: readonly Order[];
  readonly havings?: readonly Having[];
  readonly limit?: number;
  /** Seconds in a point of the series. */
  readonly granularity?: number;
  readonly calculated_fields?: readonly CalculatedField[];
}

export type Cell = Scalar | null;

/** Breakdown columns by name and calculations by their key (`COUNT`, `P95(duration_ms)`, or the calculation's name). */
export type Row = Readonly<Record<string, Cell>>;

export interface SeriesPoint {
  /** Epoch milliseconds, start of the point. */
  readonly time: number;
  readonly data: Row;
}

export interface QueryAnswer {
  readonly dataset: string;
  readonly window: TimeWindow;
  readonly spec: QuerySpec;
  readonly rows: readonly Row[];
  readonly series: readonly SeriesPoint[];
  /** Where a person can look at it; absent when the store has no pages (the collector). */
  readonly url?: string;
  /** True when the store cut the rows at the limit: what is missing is then unknown, and said. */
  readonly truncated: boolean;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Ask for the series too (limit ≤ 1,000 then). Default false. */
  readonly series?: boolean;
}

/** What the rest of Plumbline needs of a telemetry store: Honeycomb's cloud, the collector, or a recording. */
export interface TelemetryStore {
  /** A name to show: the team and environment, or "local collector". */
  readonly name: string;
  /** Whether columns of the parent (`parent.duration_ms`) may be calculated over, and not only grouped and filtered by. */
  readonly computesOverParents: boolean;
  datasets(signal?: AbortSignal): Promise<readonly Dataset[]>;
  columns(dataset: string, signal?: AbortSignal): Promise<readonly Column[]>;
  /** Runs one query; each call that is not answered from the cache counts as one result creation. */
  run(dataset: string, spec: QuerySpec, window: TimeWindow, options?: RunOptions): Promise<QueryAnswer>;
  /** Marks a moment (a deployment) on the store's charts. */
  mark(dataset: string, marker: Marker, signal?: AbortSignal): Promise<void>;
  markers(dataset: string, signal?: AbortSignal): Promise<readonly Marker[]>;
  /** Result creations so far: what a diagnosis cost is the difference of two readings. */
  readonly requests: number;
}

export interface Dataset {
  readonly name: string;
  readonly slug: string;
  /** Epoch milliseconds, or null when nothing was ever written. */
  readonly lastWrittenAt: number | null;
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'float' | 'integer' | 'boolean';
  readonly description?: string;
}

export interface Marker {
  readonly time: number;
  readonly endTime?: number;
  readonly message: string;
  readonly type: string;
  readonly url?: string;
}

/** All datasets of an environment at once. */
export const ALL_DATASETS = '__all__';
