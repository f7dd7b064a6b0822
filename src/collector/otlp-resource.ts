import { addAttributes, type Fields, setField } from './otlp-attributes.ts';
import { child, children, type OtlpNode, text } from './otlp-nodes.ts';

/** Dataset of telemetry that names no service. */
const UNKNOWN_SERVICE = 'unknown_service';

/** What all records of one instrumentation scope share. */
export interface ScopeContext {
  readonly dataset: string;
  /** Resource attributes overlaid by scope attributes, with the library's name and version. */
  readonly fields: Fields;
}

/** Walks `resourceKey[] → scopeKey[] → recordKey[]` of an export request. */
export function* recordsByScope(
  request: OtlpNode,
  resourceKey: string,
  scopeKey: string,
  recordKey: string,
): Generator<{ context: ScopeContext; records: readonly OtlpNode[] }> {
  for (const resourceGroup of children(request, resourceKey)) {
    const resource: Fields = new Map();
    addAttributes(resource, child(resourceGroup, 'resource'));
    const dataset = datasetOf(resource);
    for (const scopeGroup of children(resourceGroup, scopeKey)) {
      const fields: Fields = new Map(resource);
      const scope = child(scopeGroup, 'scope');
      const name = text(scope, 'name');
      const version = text(scope, 'version');
      if (name !== '') setField(fields, 'library.name', name);
      if (version !== '') setField(fields, 'library.version', version);
      addAttributes(fields, scope);
      yield { context: { dataset, fields }, records: children(scopeGroup, recordKey) };
    }
  }
}

/** The trimmed service.name; missing or the SDK's `unknown_service:process` gives one dataset for all. */
function datasetOf(resource: Fields): string {
  const service = resource.get('service.name');
  const name = typeof service === 'string' ? service.trim() : '';
  if (name === '' || name.startsWith(UNKNOWN_SERVICE)) return UNKNOWN_SERVICE;
  return name.slice(0, 255);
}
