export type Dimensions = Readonly<Record<string, string>>;

/** A statistic by CloudWatch's name. */
export type Statistic = 'Average' | 'Sum' | 'Minimum' | 'Maximum' | 'SampleCount' | `p${number}`;

export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
  readonly unit: string;
}

interface Datum {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly values: readonly number[];
}

interface Series {
  readonly metric: Metric;
  data: Datum[];
}

/** Raw data are kept as long as CloudWatch keeps those of less than a minute. */
const RETENTION_MS = 3 * 3_600_000;
/** More values than this in one datum are thinned evenly: percentiles stay, memory does too. */
const MAX_VALUES = 1000;

/** CloudWatch's data, in memory: a restarted cloud begins with none. */
export class MetricStore {
  readonly #series = new Map<string, Series>();

  get metrics(): readonly Metric[] {
    return Array.from(this.#series.values(), (series) => series.metric);
  }

  /** No values, no datum: CloudWatch has a gap there and not a zero. */
  put(metric: Metric, timestamp: number, values: readonly number[]): void {
    if (values.length === 0) return;
    const id = key(metric.namespace, metric.name, metric.dimensions);
    const series = this.#series.get(id) ?? { metric, data: [] };
    this.#series.set(id, series);
    series.data.push({ timestamp, values: thinned(values) });
    const oldest = timestamp - RETENTION_MS;
    if ((series.data[0]?.timestamp ?? oldest) < oldest) {
      series.data = series.data.filter((datum) => datum.timestamp >= oldest);
    }
  }

  /** Undefined for a metric without data. */
  unitOf(metric: Omit<Metric, 'unit'>): string | undefined {
    return this.#series.get(key(metric.namespace, metric.name, metric.dimensions))?.metric.unit;
  }

  /**
   * One value for each period (milliseconds) in [start, end) that has data, oldest first, stamped with the period's start.
   * A unit that is not the metric's own gives nothing, as in CloudWatch.
   */
  query(
    metric: Omit<Metric, 'unit'> & { unit?: string | undefined },
    statistic: Statistic,
    range: { start: number; end: number; period: number },
  ): { timestamp: number; value: number }[] {
    const series = this.#series.get(key(metric.namespace, metric.name, metric.dimensions));
    if (series === undefined) return [];
    if (metric.unit !== undefined && metric.unit !== series.metric.unit) return [];
    const periods = new Map<number, number[]>();
    for (const { timestamp, values } of series.data) {
      if (timestamp < range.start || timestamp >= range.end) continue;
      const start = Math.floor(timestamp / range.period) * range.period;
      periods.set(start, [...(periods.get(start) ?? []), ...values]);
    }
    return Array.from(periods, ([timestamp, values]) => ({ timestamp, value: aggregate(values, statistic) }));
  }
}

function key(namespace: string, name: string, dimensions: Dimensions): string {
  const sorted = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, name, sorted]);
}

function thinned(values: readonly number[]): readonly number[] {
  if (values.length <= MAX_VALUES) return values;
  const sorted = [...values].sort((a, b) => a - b);
  return Array.from(
    { length: MAX_VALUES },
    (_, i) => sorted[Math.floor((i * sorted.length) / MAX_VALUES)] ?? 0,
  );
}

/** `values` holds at least one. Percentiles interpolate between the nearest ranks. */
export function aggregate(values: readonly number[], statistic: Statistic): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'Average':
      return sum / values.length;
    case 'Sum':
      return sum;
    case 'SampleCount':
      return values.length;
    case 'Minimum':
      return values.reduce((least, value) => Math.min(least, value));
    case 'Maximum':
      return values.reduce((most, value) => Math.max(most, value));
    default:
      return percentile(values, Number(statistic.slice(1)) / 100);
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const low = sorted[Math.floor(rank)] ?? 0;
  const high = sorted[Math.ceil(rank)] ?? low;
  return low + (high - low) * (rank - Math.floor(rank));
}
