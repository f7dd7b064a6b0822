import { DuckDBInstance } from '@duckdb/node-api';
import { createTablesSql } from '../src/collector/schema.ts';
import { CULPRIT, routes, SHARES } from './diagnose-routes.ts';
import { addColumn, noteColumns } from './filled-store.ts';

/** Columns that OTLP would have brought beside those that every store has. */
const ATTRIBUTES = {
  type: 'string',
  'library.name': 'string',
  'service.instance.id': 'string',
  'service.version': 'string',
  'cloud.region': 'string',
  'server.address': 'string',
  'server.port': 'integer',
  'db.system.name': 'string',
  'http.route': 'string',
  'http.response.status_code': 'integer',
} as const;
const FIXED = [
  'meta.signal_type',
  'trace.trace_id',
  'trace.span_id',
  'trace.parent_id',
  'name',
  'service.name',
  'span.kind',
  'duration_ms',
  'error',
  'status_code',
];

/** The first span's start, epoch seconds; the spans of any number of requests fill the same hour. */
export const START = 1_790_000_000;
export const SECONDS = 3_600;
/** The incident is the last quarter. */
const INCIDENT_FROM = 0.75;

/**
 * Writes about `wanted` spans into a new store of the collector's own schema: the same ones each time. Self times are
 * log-normal, calls run one after the other, children are stored before their parents, as they end first.
 * @returns how many spans there are
 */
export async function writeSpans(database: string, wanted: number): Promise<number> {
  const instance = await DuckDBInstance.create(database);
  try {
    const connection = await instance.connect();
    try {
      await connection.run(createTablesSql());
      for (const [key, type] of Object.entries(ATTRIBUTES)) {
        await addColumn(connection, key, type);
      }
      const perTrace = routes.reduce(
        (sum, spans, index) => sum + (spans.length * (SHARES[index] ?? 0)) / 100,
        0,
      );
      const traces = Math.round(wanted / perTrace);
      await connection.run(routesSql());
      await connection.run(spansSql(traces));
      await noteColumns(connection, [...FIXED, ...Object.keys(ATTRIBUTES)]);
      await connection.run('CHECKPOINT');
      const counted = await connection.runAndReadAll('SELECT count(*) FROM events');
      return Number(counted.getRowsJS()[0]?.[0]);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** The routes as one list: looking them up and unnesting them keeps the order of the traces, as joining would not. */
function routesSql(): string {
  const text = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`);
  const bounds = SHARES.map((_, index) => SHARES.slice(0, index + 1).reduce((sum, share) => sum + share));
  const rows = routes.map((spans) => {
    const nodes = spans.toReversed().map(
      (span) => `{'i': ${span.index}, 'parent': ${span.parent ?? 'NULL'}, 'size': ${span.size},
        'service': ${text(span.service)}, 'name': ${text(span.name)}, 'kind': ${text(span.kind)},
        'address': ${text(span.address)}, 'db': ${text(span.database)}, 'route': ${text(span.route)}}`,
    );
    const slow = spans.findIndex((span) => span.name === CULPRIT.name && span.service === CULPRIT.service);
    return `{'slow': ${slow}, 'ms': [${spans.map((span) => `${span.ms}::DOUBLE`).join(', ')}], 'nodes': [${nodes.join(', ')}]}`;
  });
  return `CREATE TEMP TABLE routes AS SELECT [${rows.join(', ')}] AS list;
    CREATE TEMP MACRO route_of(percent) AS CASE ${bounds.map((bound, index) => `WHEN percent < ${bound} THEN ${index + 1}`).join(' ')} END;
    CREATE TEMP MACRO uniform(t, n) AS ((hash(t, n) >> 11) + 1) / 9007199254740993.0;
    CREATE TEMP MACRO gauss(t, n) AS sqrt(-2 * ln(uniform(t, n))) * cos(2 * pi() * uniform(t, n + 1000));`;
}

function spansSql(traces: number): string {
  const step = Math.floor((SECONDS * 1e9) / traces);
  const incident = Math.floor(traces * INCIDENT_FROM);
  const factor = `CASE WHEN n = route.slow AND t >= ${incident} THEN ${CULPRIT.factor} ELSE 1 END`;
  const columns = [
    ['time', `start + CAST(coalesce(list_sum(selfs[1:s.i]), 0) * 1e6 AS BIGINT)`],
    ['dataset', 's.service'],
    ['sample_rate', '1'],
    ['trace_key', 'hash(t)'],
    ['span_key', 'hash(t, s.i)'],
    ['parent_key', 'CASE WHEN s.parent IS NOT NULL THEN hash(t, s.parent) END'],
    ['meta.signal_type', `'trace'`],
    ['trace.trace_id', 'md5(CAST(t AS VARCHAR))'],
    ['trace.span_id', `format('{:016x}', hash(t, s.i))`],
    ['trace.parent_id', `CASE WHEN s.parent IS NOT NULL THEN format('{:016x}', hash(t, s.parent)) END`],
    ['name', 's.name'],
    ['service.name', 's.service'],
    ['span.kind', 's.kind'],
    ['duration_ms', 'round(list_sum(selfs[s.i + 1:s.i + s.size]) * 1e6) / 1e6'],
    ['error', 'CASE WHEN failed THEN true END'],
    ['status_code', 'CASE WHEN failed THEN 2 ELSE 0 END'],
    ['type', 's.kind'],
    [
      'library.name',
      `CASE WHEN s.db IS NULL THEN '@opentelemetry/instrumentation-http' ELSE '@opentelemetry/instrumentation-pg' END`,
    ],
    ['service.instance.id', `s.service || '-' || (hash(t, 99) % 3)`],
    ['service.version', `'1.4.2'`],
    ['cloud.region', `'eu-central-1'`],
    ['server.address', 's.address'],
    ['server.port', 'CASE WHEN s.address IS NOT NULL THEN CASE WHEN s.db IS NULL THEN 443 ELSE 5432 END END'],
    ['db.system.name', 's.db'],
    ['http.route', 's.route'],
    [
      'http.response.status_code',
      'CASE WHEN s.route IS NOT NULL THEN CASE WHEN failed THEN 500 ELSE 200 END END',
    ],
  ] as const;
  return `INSERT INTO events (${columns.map(([name]) => `"${name}"`).join(', ')})
    SELECT ${columns.map(([, sql]) => sql).join(', ')}
    FROM (SELECT *, uniform(t, s.i + 2000) < 0.004 AS failed FROM (
      SELECT t, start, selfs, unnest(nodes) AS s FROM (
        SELECT t, start, route.nodes,
          list_transform(range(len(route.ms)), n -> route.ms[n + 1] * exp(0.35 * gauss(t, n)) * ${factor}) AS selfs
        FROM (SELECT t, CAST(${START}000000000 AS BIGINT) + t * ${step} AS start, list[route_of(hash(t, 0) % 100)] AS route
          FROM range(1, ${traces + 1}) r(t), routes))))`;
}
