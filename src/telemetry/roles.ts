import type { Column } from './query.ts';

/** What a column means to a diagnosis. */
type Role =
  | 'duration'
  | 'traceId'
  | 'spanId'
  | 'parentId'
  | 'service'
  | 'name'
  | 'error'
  | 'status'
  | 'route'
  | 'annotationType';

/** Column by role; a role that no column plays is absent. */
export type ColumnRoles = Readonly<Partial<Record<Role, string>>>;

/** Honeycomb's name of each role in a dataset's definitions, and the names it goes by where nobody defined it. */
const KNOWN: Readonly<Record<Role, { readonly definition: string; readonly names: readonly string[] }>> = {
  duration: {
    definition: 'duration_ms',
    names: ['duration_ms', 'durationMs', 'request_processing_time'],
  },
  traceId: { definition: 'trace_id', names: ['trace.trace_id', 'traceId'] },
  spanId: { definition: 'span_id', names: ['trace.span_id', 'spanId', 'id'] },
  parentId: { definition: 'parent_id', names: ['trace.parent_id', 'parentId'] },
  service: { definition: 'service_name', names: ['service.name', 'service_name', 'serviceName'] },
  name: { definition: 'name', names: ['name'] },
  error: { definition: 'error', names: ['error'] },
  status: {
    definition: 'status',
    names: ['http.response.status_code', 'http.status_code', 'response.status_code'],
  },
  route: { definition: 'route', names: ['http.route', 'route', 'request_path'] },
  annotationType: { definition: 'annotation_type', names: ['meta.annotation_type'] },
};

/**
 * Which column plays which role: as the dataset's definitions say, else by the usual names.
 * A definition that names a column the dataset no longer has does not count.
 */
export function resolveRoles(
  definitions: ReadonlyMap<string, string>,
  columns: readonly Column[],
): ColumnRoles {
  const known = new Set(columns.map((column) => column.name));
  const roles: Partial<Record<Role, string>> = {};
  for (const [role, { definition, names }] of Object.entries(KNOWN) as [Role, (typeof KNOWN)[Role]][]) {
    const defined = definitions.get(definition);
    const name = [...(defined === undefined ? [] : [defined]), ...names].find((one) => known.has(one));
    if (name !== undefined) roles[role] = name;
  }
  return roles;
}
