import type { EventRow } from './event.ts';
import { bucketPercentile } from './histogram-percentiles.ts';
import { addAttributes, type Fields, setField } from './otlp-attributes.ts';
import { child, children, double, has, integer, type OtlpNode, text, toInteger } from './otlp-nodes.ts';
import { recordsByScope } from './otlp-resource.ts';

const PERCENTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };
/** Data point flag of OTLP: the point says that there is no value. */
const NO_RECORDED_VALUE = 1;

/** A metric export as events: one row a data point, its value in a column named by the metric. */
export function metricEvents(request: OtlpNode, now: bigint): EventRow[] {
  const rows: EventRow[] = [];
  for (const { context, records } of recordsByScope(request, 'resourceMetrics', 'scopeMetrics', 'metrics')) {
    for (const metric of records) {
      const name = text(metric, 'name');
      for (const [kind, addPoint] of POINT_KINDS) {
        for (const point of children(child(metric, kind), 'dataPoints')) {
          const fields: Fields = new Map(context.fields);
          setField(fields, 'meta.signal_type', 'metric');
          setField(fields, 'metric.name', name);
          const unit = text(metric, 'unit');
          if (unit !== '') setField(fields, 'metric.unit', unit);
          addAttributes(fields, point);
          addPoint(fields, name, point);
          rows.push({
            dataset: context.dataset,
            time: integer(point, 'timeUnixNano') || now,
            sampleRate: 1,
            fields,
          });
        }
      }
    }
  }
  return rows;
}

type AddPoint = (fields: Fields, name: string, point: OtlpNode) => void;

const POINT_KINDS: readonly (readonly [string, AddPoint])[] = [
  ['gauge', addNumber],
  ['sum', addNumber],
  ['histogram', addHistogram],
  ['exponentialHistogram', addDistribution],
  ['summary', addSummary],
];

/** Always a float: an instrument that sends 0 first and 0.5 later must not change its column's type. */
function addNumber(fields: Fields, name: string, point: OtlpNode): void {
  if ((Number(point['flags'] ?? 0) & NO_RECORDED_VALUE) !== 0) return;
  const value = has(point, 'asInt') ? Number(toInteger(point['asInt'])) : double(point, 'asDouble');
  if (value !== undefined) setField(fields, name, value);
}

function addDistribution(fields: Fields, name: string, point: OtlpNode): void {
  const count = integer(point, 'count');
  setField(fields, `${name}.count`, count);
  for (const part of ['sum', 'min', 'max']) {
    const value = double(point, part);
    if (value !== undefined) setField(fields, `${name}.${part}`, value);
  }
  const sum = double(point, 'sum');
  if (sum !== undefined && count > 0n) setField(fields, `${name}.avg`, sum / Number(count));
}

function addHistogram(fields: Fields, name: string, point: OtlpNode): void {
  addDistribution(fields, name, point);
  const counts = list(point, 'bucketCounts').map((value) => Number(toInteger(value) ?? 0n));
  const bounds = list(point, 'explicitBounds').map(Number);
  for (const [suffix, q] of Object.entries(PERCENTILES)) {
    const value = bucketPercentile(counts, bounds, q, double(point, 'min'), double(point, 'max'));
    if (value !== undefined) setField(fields, `${name}.${suffix}`, value);
  }
}

function addSummary(fields: Fields, name: string, point: OtlpNode): void {
  addDistribution(fields, name, point);
  for (const { quantile, value } of children(point, 'quantileValues').map((entry) => ({
    quantile: double(entry, 'quantile'),
    value: double(entry, 'value'),
  }))) {
    if (quantile !== undefined && value !== undefined) {
      setField(fields, `${name}.p${String(Math.round(quantile * 1000) / 10).replace('.', '')}`, value);
    }
  }
}

function list(point: OtlpNode, key: string): readonly unknown[] {
  const value = point[key];
  return Array.isArray(value) ? value : [];
}
