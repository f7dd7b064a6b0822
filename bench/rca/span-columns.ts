/** What a data set may call a span's status, kind and version; matched without case, dots and dashes as underscores. */
const NAMES = {
  failed: ['error', 'is_error', 'has_error', 'failed'],
  status: ['status', 'status_code', 'span_status', 'otel_status_code'],
  http: ['http_status', 'http_status_code', 'http_response_status_code', 'response_status_code'],
  kind: ['kind', 'span_kind'],
  version: ['version', 'service_version'],
  instance: ['instance', 'pod', 'service_instance_id'],
} as const;

/** SQL over a row of the file for each column of the store that it has something for. */
export interface SpanColumns {
  readonly instance: string | null;
  readonly error: string | null;
  readonly kind: string | null;
  readonly version: string | null;
}

/** Reads from the names of a file's columns what else it tells of a span. Values of any type are read as text. */
export function spanColumns(columns: readonly string[]): SpanColumns {
  const find = (names: readonly string[]): string | null => {
    const column = columns.find((name) => names.includes(name.toLowerCase().replace(/[.\- ]/g, '_')));
    return column === undefined ? null : `lower(CAST("${column.replaceAll('"', '""')}" AS VARCHAR))`;
  };
  const failures = [
    mapped(find(NAMES.failed), (value) => `${value} IN ('true', 't', '1', '1.0', 'yes', 'error')`),
    // OTLP's 2 is an error; three digits are an HTTP status, whatever the column is called.
    mapped(
      find(NAMES.status),
      (value) =>
        `${value} LIKE '%error%' OR ${value} IN ('2', '2.0', 'failed', 'failure') OR ${httpFailure(value)}`,
    ),
    mapped(find(NAMES.http), httpFailure),
  ].filter((one) => one !== null);
  return {
    instance: find(NAMES.instance)?.replace(/^lower\((.*)\)$/s, '$1') ?? null,
    error:
      failures.length === 0 ? null : `coalesce(${failures.map((one) => `(${one})`).join(' OR ')}, false)`,
    kind: mapped(
      find(NAMES.kind),
      (value) =>
        `CASE regexp_replace(${value}, '^(span_kind_|spankind\\.)', '') WHEN '1' THEN 'internal' WHEN '2' THEN 'server'
          WHEN '3' THEN 'client' WHEN '4' THEN 'producer' WHEN '5' THEN 'consumer'
          ELSE regexp_replace(${value}, '^(span_kind_|spankind\\.)', '') END`,
    ),
    version: find(NAMES.version)?.replace(/^lower\((.*)\)$/s, '$1') ?? null,
  };
}

function httpFailure(value: string): string {
  return `TRY_CAST(${value} AS DOUBLE) BETWEEN 500 AND 599`;
}

function mapped(value: string | null, map: (value: string) => string): string | null {
  return value === null ? null : map(value);
}
