import type { Calculation, Filter, QuerySpec, TimeWindow } from '../src/telemetry/query.ts';
import { CULPRIT } from './diagnose-routes.ts';

const WINDOWS = 7;

const statistics: readonly Calculation[] = [
  { op: 'COUNT' },
  { op: 'SUM', column: 'duration_ms' },
  { op: 'P50', column: 'duration_ms' },
  { op: 'P95', column: 'duration_ms' },
  { op: 'P99', column: 'duration_ms' },
  { op: 'SUM', column: 'failed' },
];
const spansOnly: readonly Filter[] = [
  { column: 'duration_ms', op: 'exists' },
  { column: 'meta.annotation_type', op: 'does-not-exist' },
];
const failed = { name: 'failed', expression: 'IF(EQUALS($error, true), 1, 0)' };

/**
 * The most that a diagnosis may come to ask, written out so that these figures stay comparable: seven windows,
 * statistics of the parents' durations, distinct counts, attributes of one operation alone.
 */
export function heavyQueries({ start, end }: TimeWindow): readonly (readonly [string, QuerySpec])[] {
  const length = (end - start) / WINDOWS;
  const expression = Array.from({ length: WINDOWS }, (_, index) => index).reduceRight((otherwise, index) => {
    const from = (start + index * length) / 1000;
    const name = index === WINDOWS - 1 ? 'incident' : `baseline-${index}`;
    const within = `AND(GTE(EVENT_TIMESTAMP(), ${from}), LT(EVENT_TIMESTAMP(), ${from + length / 1000}))`;
    return `IF(${within}, "${name}", ${otherwise})`;
  }, '"outside"');
  const window = { name: 'window', expression };
  const host = '$server.address';
  const address = `IF(EXISTS($server.port), CONCAT(${host}, ":", $server.port), ${host})`;
  const slow = ['service.version', 'cloud.region', 'server.address', 'db.system.name'];
  return [
    [
      'calls, 7 windows, parents’ durations',
      {
        breakdowns: [
          'window',
          'service.name',
          'name',
          'parent.service.name',
          'parent.name',
          'span.kind',
          'db.system.name',
          'address',
        ],
        calculations: [
          ...statistics,
          { op: 'P10', column: 'duration_ms' },
          { op: 'SUM', column: 'parent.duration_ms' },
          { op: 'P10', column: 'parent.duration_ms' },
          { op: 'P50', column: 'parent.duration_ms' },
        ],
        filters: spansOnly,
        limit: 1_000,
        calculated_fields: [
          window,
          failed,
          { name: 'address', expression: `IF(EQUALS($span.kind, "client"), ${address}, null)` },
        ],
      },
    ],
    [
      'entries, distinct instances',
      {
        breakdowns: ['service.name', 'name'],
        calculations: [
          ...statistics,
          { op: 'COUNT_DISTINCT', column: 'service.instance.id' },
          { op: 'COUNT_DISTINCT', column: 'service.version' },
        ],
        filters: [...spansOnly, { column: 'trace.parent_id', op: 'does-not-exist' }],
        calculated_fields: [failed],
      },
    ],
    [
      'instances, attributes of one operation',
      {
        breakdowns: [
          'window',
          'service.name',
          'span.kind',
          'service.instance.id',
          'service.version',
          ...slow.map((column) => `slow.${column}`),
        ],
        calculations: statistics,
        filters: spansOnly,
        limit: 1_000,
        calculated_fields: [
          window,
          failed,
          ...slow.map((column) => ({
            name: `slow.${column}`,
            expression: `IF(AND(EQUALS($service.name, "${CULPRIT.service}"), EQUALS($name, "${CULPRIT.name}")), $${column}, null)`,
          })),
        ],
      },
    ],
  ];
}
