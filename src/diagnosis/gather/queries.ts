import type { CalculatedField, Calculation, Filter, QuerySpec, TimeWindow } from '../../telemetry/query.ts';
import type { Attributes } from './attributes.ts';
import type { SymptomOperation, Windows } from './gathered.ts';

/** Names of the fields that queries calculate; a prefix keeps them apart from the users' own. */
export const FIELD = {
  failed: 'plumbline.failed',
  window: 'plumbline.window',
  peer: 'plumbline.peer',
  address: 'plumbline.address',
  instance: 'plumbline.instance',
  slow: 'plumbline.slow',
} as const;

const MOST_ENTRIES = 20;
/** What a result holds at most without a series. */
const MOST_ROWS = 10_000;
const EXEMPLARS = 3;

/** Windows need not touch: what lies between them is nobody's. */
const INSIDE: Filter = { column: FIELD.window, op: '!=', value: 'outside' };

/** What a question may be limited to. */
export interface Scope {
  readonly service?: string;
  readonly operation?: string;
}

/**
 * Latency over time of the operations through which requests come in, or of those that were asked about.
 * `counted`: columns whose different values are counted along the way, as are the instances.
 */
export function entriesQuery(
  attributes: Attributes,
  scope: Scope,
  granularitySeconds: number,
  entrance: 'root' | 'server',
  counted: readonly string[] = [],
): QuerySpec {
  const filters: Filter[] = [...spansOnly(attributes)];
  if (scope.service !== undefined)
    filters.push({ column: attributes.service, op: '=', value: scope.service });
  if (scope.operation !== undefined)
    filters.push({ column: attributes.name, op: '=', value: scope.operation });
  else if (entrance === 'root' && attributes.parentId !== null) {
    filters.push({ column: attributes.parentId, op: 'does-not-exist' });
  } else if (attributes.spanKind !== null) {
    filters.push({ column: attributes.spanKind, op: 'in', value: ['server', 'consumer'] });
  }
  return {
    breakdowns: [attributes.service, attributes.name],
    calculations: [
      ...statistics(attributes),
      ...[...instanceField(attributes).map(({ name }) => name), ...counted].map(
        (column) => ({ op: 'COUNT_DISTINCT', column }) as const,
      ),
    ],
    filters,
    orders: [{ op: 'SUM', column: attributes.duration, order: 'descending' }],
    limit: MOST_ENTRIES,
    granularity: granularitySeconds,
    calculated_fields: [...failedField(attributes), ...instanceField(attributes)],
  };
}

/**
 * All operations by parent, in all windows: the one query that needs relational columns. Of the symptom's requests
 * alone, or (`null`) of all. `parents`: the store computes over parents' durations, too.
 */
export function callsQuery(
  attributes: Attributes,
  symptom: SymptomOperation | null,
  windows: Windows,
  parents: boolean,
): QuerySpec {
  const { service, name, spanKind } = attributes;
  const fields: CalculatedField[] = [windowField(windows), ...failedField(attributes)];
  const peer = coalesce(attributes.peer);
  if (peer !== null) fields.push({ name: FIELD.peer, expression: peer });
  const address = addressExpression(attributes);
  if (address !== null) fields.push({ name: FIELD.address, expression: address });
  return {
    breakdowns: [
      FIELD.window,
      service,
      name,
      `parent.${service}`,
      `parent.${name}`,
      ...present(spanKind),
      ...(peer === null ? [] : [FIELD.peer]),
      ...(address === null ? [] : [FIELD.address]),
    ],
    calculations: [
      ...statistics(attributes),
      { op: 'P10', column: attributes.duration },
      ...(parents
        ? (['SUM', 'P10', 'P50'] as const).map((op) => ({ op, column: parentDuration(attributes) }))
        : []),
    ],
    filters: [
      ...spansOnly(attributes),
      INSIDE,
      ...(symptom?.isRoot
        ? ([
            { column: `root.${service}`, op: '=', value: symptom.service },
            { column: `root.${name}`, op: '=', value: symptom.operation },
          ] satisfies Filter[])
        : []),
    ],
    orders: [{ op: 'SUM', column: attributes.duration, order: 'descending' }],
    limit: MOST_ROWS,
    calculated_fields: fields,
  };
}

/** Which requests of the incident count as slow, and by what they are told apart. */
export interface SlowRequests {
  readonly symptom: SymptomOperation;
  /** Milliseconds; what takes longer is slow. */
  readonly threshold: number;
  readonly columns: readonly string[];
}

/** The running copies of each service and what they run on; the symptom's requests in the incident also by slow or not. */
export function instancesQuery(
  attributes: Attributes,
  windows: Windows,
  slow: SlowRequests | null,
): QuerySpec {
  const compared = slow === null ? [] : comparedFields(attributes, windows.incident, slow);
  const instance = instanceField(attributes);
  return {
    breakdowns: [
      FIELD.window,
      attributes.service,
      ...present(attributes.spanKind),
      ...instance.map(({ name }) => name),
      ...present(attributes.version),
      ...present(attributes.revision),
      ...present(attributes.taskFamily),
      ...present(attributes.ecsService),
      ...present(attributes.clusterArn),
      ...present(attributes.launchType),
      ...present(attributes.region),
      ...compared.map(({ name }) => name),
    ],
    calculations: statistics(attributes),
    filters: [...spansOnly(attributes), INSIDE],
    orders: [{ op: 'COUNT', order: 'descending' }],
    limit: MOST_ROWS,
    calculated_fields: [windowField(windows), ...failedField(attributes), ...instance, ...compared],
  };
}

/** Null for all spans but the symptom's own in the incident, so that the rest falls into no more groups than without. */
function comparedFields(
  { service, name, duration }: Attributes,
  incident: TimeWindow,
  { symptom, threshold, columns }: SlowRequests,
): readonly CalculatedField[] {
  const own =
    `AND(EQUALS(${reference(name)}, ${literal(symptom.operation)}), ` +
    `EQUALS(${reference(service)}, ${literal(symptom.service)}), ${during(incident)})`;
  return [
    { name: FIELD.slow, expression: `IF(${own}, GT(${reference(duration)}, ${threshold}), null)` },
    ...columns.map((column) => ({
      name: comparedField(column),
      expression: `IF(${own}, ${reference(column)}, null)`,
    })),
  ];
}

/** The name under which a column of the symptom's requests alone is asked for. */
export function comparedField(column: string): string {
  return `plumbline.symptom.${column}`;
}

/** The slowest requests of the incident, to look at. Null when traces have no ids. */
export function exemplarsQuery(attributes: Attributes, symptom: SymptomOperation): QuerySpec | null {
  if (attributes.traceId === null) return null;
  return {
    breakdowns: [attributes.traceId],
    calculations: [{ op: 'MAX', column: attributes.duration }],
    filters: [
      ...spansOnly(attributes),
      { column: attributes.service, op: '=', value: symptom.service },
      { column: attributes.name, op: '=', value: symptom.operation },
    ],
    orders: [{ op: 'MAX', column: attributes.duration, order: 'descending' }],
    limit: EXEMPLARS,
  };
}

/**
 * Seconds in a point: ten in an hour's view, so that an incident that has just begun shows in it. Honeycomb allows
 * 1,000 points; no more than 60 bins are made of them, by their counts, and each point costs its way over the wire.
 */
export function granularityFor(window: TimeWindow): number {
  const wanted = (window.end - window.start) / 1000 / 400;
  const steps = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];
  return steps.find((step) => step >= wanted) ?? 3600;
}

function statistics(attributes: Attributes): readonly Calculation[] {
  const column = attributes.duration;
  return [
    { op: 'COUNT' },
    { op: 'SUM', column },
    { op: 'P50', column },
    { op: 'P95', column },
    { op: 'P99', column },
    ...(attributes.error === null ? [] : [{ op: 'SUM', column: FIELD.failed } as const]),
  ];
}

/** Span events and links are rows of their own, and logs and metrics may share the dataset: only spans last. */
export function spansOnly(attributes: Attributes): readonly Filter[] {
  return [
    { column: attributes.duration, op: 'exists' },
    ...(attributes.annotationType === null
      ? []
      : [{ column: attributes.annotationType, op: 'does-not-exist' } as const]),
  ];
}

export function failedField(attributes: Pick<Attributes, 'error'>): readonly CalculatedField[] {
  return attributes.error === null
    ? []
    : [{ name: FIELD.failed, expression: `IF(EQUALS(${reference(attributes.error)}, true), 1, 0)` }];
}

function instanceField({ instance }: Attributes): readonly CalculatedField[] {
  const expression = coalesce(instance);
  return expression === null ? [] : [{ name: FIELD.instance, expression }];
}

export function parentDuration(attributes: Attributes): string {
  return `parent.${attributes.duration}`;
}

/** All windows by name. Bounds are spelled out, as a store may widen the time it was asked for. */
function windowField({ incident, baselines }: Windows): CalculatedField {
  const named = [
    [incident, 'incident'] as const,
    ...baselines.map((window, index) => [window, `baseline-${index}`] as const),
  ];
  const expression = named.reduceRight(
    (otherwise, [window, name]) => `IF(${during(window)}, "${name}", ${otherwise})`,
    '"outside"',
  );
  return { name: FIELD.window, expression };
}

function during(window: TimeWindow): string {
  return `AND(GTE(EVENT_TIMESTAMP(), ${window.start / 1000}), LT(EVENT_TIMESTAMP(), ${window.end / 1000}))`;
}

function addressExpression(attributes: Attributes): string | null {
  const host = coalesce(attributes.address);
  if (host === null) return null;
  const port = coalesce(attributes.port);
  const full = port === null ? host : `IF(EXISTS(${port}), CONCAT(${host}, ":", ${port}), ${host})`;
  // On a server span these attributes name the server itself; only the calling side tells where a call leads.
  return attributes.spanKind === null
    ? full
    : `IF(EQUALS(${reference(attributes.spanKind)}, "client"), ${full}, null)`;
}

function coalesce(columns: readonly string[]): string | null {
  if (columns.length === 0) return null;
  const references = columns.map(reference);
  return references.length === 1 ? (references[0] ?? null) : `COALESCE(${references.join(', ')})`;
}

/** Column names come from the data: quoted, so that no name can become part of the expression. */
function reference(column: string): string {
  return `$"${column.replace(/["\\]/g, (character) => `\\${character}`)}"`;
}

/** Text as a literal; JSON's escapes are among those that expressions know. */
function literal(text: string): string {
  return JSON.stringify(text);
}

function present(column: string | null): readonly string[] {
  return column === null ? [] : [column];
}
