import { contentId } from '../content-hash.ts';
import { ApiError } from './api-error.ts';
import type { ColumnCatalogue, DatasetColumn, StoredColumn } from './column-catalogue.ts';
import { HOT_COLUMNS } from './schema.ts';

/** Honeycomb's slug of a dataset's name. */
function slugOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9._~-]+/g, '-');
}

/** The dataset that a path names by slug or by name. Throws 404. */
export function findDataset(catalogue: ColumnCatalogue, named: string): string {
  if (catalogue.datasets.has(named)) return named;
  for (const name of catalogue.datasets.keys()) if (slugOf(name) === named) return name;
  throw new ApiError(404, `Dataset not found: ${named.slice(0, 200)}`);
}

export function datasetsAnswer(catalogue: ColumnCatalogue): object[] {
  return [...catalogue.datasets].map(([name, columns]) => {
    const times = [...columns.values()];
    return {
      name,
      slug: slugOf(name),
      description: '',
      expand_json_depth: 0,
      regular_columns_count: columns.size,
      created_at: isoTime(Math.min(...times.map((column) => column.created))),
      last_written_at: isoTime(Math.max(...times.map((column) => column.lastWritten))),
    };
  });
}

export function columnsAnswer(catalogue: ColumnCatalogue, dataset: string): object[] {
  const columns = catalogue.datasets.get(dataset) ?? new Map<string, DatasetColumn>();
  const times = [...columns.values()];
  const since = {
    created: Math.min(...times.map((c) => c.created)),
    lastWritten: Math.max(...times.map((c) => c.lastWritten)),
  };
  // The fixed columns are listed even before a value came: a query may use them, and finds nothing.
  const keys = new Set([...columns.keys(), ...HOT_COLUMNS.keys()]);
  return [...keys].sort().flatMap((key) => {
    const column = catalogue.get(key);
    return column ? [columnAnswer(dataset, column, columns.get(key) ?? since)] : [];
  });
}

export function columnAnswerByName(catalogue: ColumnCatalogue, dataset: string, name: string): object {
  const column = catalogue.get(name);
  const seen = catalogue.datasets.get(dataset)?.get(name);
  if (!column || !seen) throw new ApiError(404, `Column not found: ${name.slice(0, 200)}`);
  return columnAnswer(dataset, column, seen);
}

function columnAnswer(dataset: string, column: StoredColumn, seen: DatasetColumn): object {
  return {
    id: contentId('col', [dataset, column.key]),
    key_name: column.key,
    type: column.type,
    description: '',
    hidden: false,
    created_at: isoTime(seen.created),
    updated_at: isoTime(seen.created),
    last_written: isoTime(seen.lastWritten),
  };
}

/** Honeycomb's names of the roles that a column can have, and the columns that play them here, first match wins. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  span_id: ['trace.span_id'],
  trace_id: ['trace.trace_id'],
  parent_id: ['trace.parent_id'],
  name: ['name'],
  service_name: ['service.name'],
  duration_ms: ['duration_ms'],
  span_kind: ['span.kind'],
  annotation_type: ['meta.annotation_type'],
  error: ['error'],
  status: ['http.response.status_code', 'http.status_code'],
  route: ['http.route'],
  user: ['enduser.id', 'user.id'],
  link_span_id: ['trace.link.span_id'],
  link_trace_id: ['trace.link.trace_id'],
  log_message: ['body'],
  log_severity: ['severity_text', 'severity'],
};

export function definitionsAnswer(catalogue: ColumnCatalogue, dataset: string): object {
  const columns = catalogue.datasets.get(dataset);
  const entries = Object.entries(ROLES).flatMap(([role, candidates]) => {
    const name = candidates.find((candidate) => HOT_COLUMNS.has(candidate) || columns?.has(candidate));
    return name === undefined ? [] : [[role, { name, column_type: 'column' }]];
  });
  return Object.fromEntries(entries);
}

function isoTime(ms: number): string {
  return new Date(Number.isFinite(ms) ? ms : 0).toISOString();
}
