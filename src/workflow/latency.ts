import type { LatencyPoint } from '../diagnosis/diagnosis.ts';
import { type Attributes, findAttributes } from '../diagnosis/gather/attributes.ts';
import { entriesQuery, FIELD, failedField, granularityFor, spansOnly } from '../diagnosis/gather/queries.ts';
import { readEntries } from '../diagnosis/gather/rows.ts';
import { Problem } from '../problem.ts';
import {
  ALL_DATASETS,
  type QuerySpec,
  type Row,
  type TelemetryStore,
  type TimeWindow,
} from '../telemetry/query.ts';
import type { OperationRow } from './workflow-api.ts';

const HALF = 'plumbline.half';

/**
 * Services and operations of a window with their P95 and where it is going: one query, whose calculated field
 * splits the window in the middle.
 */
export async function operationRows(
  store: TelemetryStore,
  dataset: string,
  window: TimeWindow,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly OperationRow[]> {
  const asked = dataset || ALL_DATASETS;
  const attributes = await attributesIn(store, asked, signal);
  if (attributes === null) return [];
  const middle = Math.round((window.start + window.end) / 2000);
  const column = attributes.duration;
  const spec: QuerySpec = {
    calculated_fields: [
      { name: HALF, expression: `IF(GTE(EVENT_TIMESTAMP(), ${middle}), "late", "early")` },
      ...failedField(attributes),
    ],
    breakdowns: [attributes.service, attributes.name, HALF],
    calculations: [
      { op: 'COUNT' },
      { op: 'P95', column, name: 'p95' },
      ...(attributes.error === null ? [] : [{ op: 'SUM', column: FIELD.failed, name: 'errors' } as const]),
    ],
    filters: spansOnly(attributes),
    orders: [{ op: 'COUNT', order: 'descending' }],
    limit: 1000,
  };
  const answer = await store.run(asked, spec, window, { signal });
  return joinHalves(answer.rows, attributes);
}

/** Null where no span was ever received: an empty view, which says what to do, and no error. */
async function attributesIn(
  store: TelemetryStore,
  dataset: string,
  signal: AbortSignal,
): Promise<Attributes | null> {
  try {
    return (await findAttributes(store, dataset, signal)).attributes;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'empty') return null;
    throw thrown;
  }
}

/** A trend from fewer spans than this says more about chance than about the service. */
const MINIMUM_FOR_TREND = 10;

interface Half {
  count: number;
  errors: number;
  p95: number;
}

/** Pure part of operationRows: one row an operation; the P95 is the late half's, or the early one's where nothing is later. */
export function joinHalves(
  rows: readonly Row[],
  columns: Pick<Attributes, 'service' | 'name'>,
): readonly OperationRow[] {
  const operations = new Map<string, { service: string; operation: string; early?: Half; late?: Half }>();
  for (const row of rows) {
    const service = row[columns.service];
    const operation = row[columns.name];
    if (typeof service !== 'string' || typeof operation !== 'string') continue;
    const key = JSON.stringify([service, operation]);
    const entry = operations.get(key) ?? { service, operation };
    const half = {
      count: number(row['COUNT']),
      errors: number(row['errors']),
      p95: number(row['p95']),
    };
    if (row[HALF] === 'late') entry.late = half;
    else entry.early = half;
    operations.set(key, entry);
  }
  return [...operations.values()].map(({ service, operation, early, late }) => ({
    service,
    operation,
    count: (early?.count ?? 0) + (late?.count ?? 0),
    errors: (early?.errors ?? 0) + (late?.errors ?? 0),
    p95: late?.p95 ?? early?.p95 ?? 0,
    trend:
      early && late && early.p95 > 0 && Math.min(early.count, late.count) >= MINIMUM_FOR_TREND
        ? late.p95 / early.p95
        : null,
  }));
}

function number(cell: Row[string] | undefined): number {
  return typeof cell === 'number' && Number.isFinite(cell) ? cell : 0;
}

/** Latency of one operation over a window, in points as fine as a diagnosis' own: what the chart goes on with. */
export async function latencyOf(
  store: TelemetryStore,
  dataset: string,
  target: { readonly service: string; readonly operation: string },
  window: TimeWindow,
  granularity: TimeWindow,
  signal: AbortSignal,
): Promise<readonly LatencyPoint[]> {
  const asked = dataset || ALL_DATASETS;
  const { attributes } = await findAttributes(store, asked, signal);
  const spec = entriesQuery(attributes, target, granularityFor(granularity), 'root');
  const answer = await store.run(asked, spec, window, { series: true, signal });
  return readEntries(answer, attributes).rows[0]?.points.filter(({ count }) => count > 0) ?? [];
}
