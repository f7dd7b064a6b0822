import type { EvidenceId } from '../diagnosis.ts';
import type { InstanceRow } from '../gather/gathered.ts';
import { type CaseFile, instancesIn } from './case-file.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { periodsOf } from './windows.ts';

/** Fewer spans of a version than this say nothing about how fast it is. */
const LEAST_SPANS = 20;
/** Versions that share the load differ by less than what people notice. */
const ALIKE = 1.5;

/** A version that came with the incident and one from before it, under the same load at the same time. */
export interface VersionComparison {
  /** Medians in the incident, milliseconds. */
  readonly old: number;
  readonly fresh: number;
  readonly verdict: 'alike' | 'new-is-slower' | 'new-is-faster';
  readonly evidence: EvidenceId;
}

/** True when a version or task revision of the service shows up with the incident; null when it can't be told. */
export function findNewVersion(file: CaseFile, service: string): boolean | null {
  const before = versions(rowsIn(file, service, 'baseline'));
  const after = versions(rowsIn(file, service, 'incident'));
  if (before.size === 0 || after.size === 0) return null;
  return [...after].some((version) => !before.has(version));
}

/** A version that shows up with the incident, whoever deployed it. */
export function describeNewVersion(file: CaseFile, service: string): EvidenceId | null {
  const { instances, windows } = file.gathered;
  const before = versions(rowsIn(file, service, 'baseline'));
  const fresh = rowsIn(file, service, 'incident').filter((row) => !before.has(versionOf(row)));
  const [first] = fresh;
  if (instances === null || first === undefined) return null;
  const name = [
    first.version === null ? null : `version ${first.version}`,
    first.revision === null ? null : `task revision ${first.revision}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
  return file.book.add({
    kind: 'change',
    subject: { service },
    summary: `${service} runs as ${name} in the incident, and did not before.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity(
        'spans of it',
        fresh.reduce((sum, row) => sum + row.count, 0),
        'count',
      ),
    ),
    n: fresh.reduce((sum, row) => sum + row.count, 0),
    source: telemetrySource(file.gathered, instances.query),
  });
}

/** The natural experiment of a rollout that is not over: null unless both ran in the incident, with enough requests each. */
export function compareVersions(file: CaseFile, service: string): VersionComparison | null {
  const { instances, windows } = file.gathered;
  const before = versions(rowsIn(file, service, 'baseline'));
  const rows = rowsIn(file, service, 'incident');
  const old = typical(rows.filter((row) => before.has(versionOf(row))));
  const fresh = typical(rows.filter((row) => !before.has(versionOf(row))));
  if (instances === null || before.size === 0 || old === null || fresh === null) return null;
  const ratio = fresh.p50 / old.p50;
  const evidence = file.book.add({
    kind: 'instance',
    subject: { service },
    summary: `In the incident the median span of ${service} takes ${formatMs(fresh.p50)} in the new version and ${formatMs(old.p50)} in the one from before.`,
    window: windows.incident,
    numbers: quantities(
      quantity('median of the new version', fresh.p50, 'ms'),
      quantity('median of the version from before', old.p50, 'ms'),
      quantity('spans of the new version', fresh.count, 'count'),
      quantity('spans of the version from before', old.count, 'count'),
    ),
    n: old.count + fresh.count,
    source: telemetrySource(file.gathered, instances.query),
  });
  const verdict = ratio >= ALIKE ? 'new-is-slower' : ratio <= 1 / ALIKE ? 'new-is-faster' : 'alike';
  return { old: old.p50, fresh: fresh.p50, verdict, evidence };
}

function rowsIn(file: CaseFile, service: string, window: 'incident' | 'baseline'): readonly InstanceRow[] {
  return instancesIn(file.gathered, service, window).filter(
    (row) => row.count > 0 && (row.version !== null || row.revision !== null),
  );
}

function versions(rows: readonly InstanceRow[]): ReadonlySet<string> {
  return new Set(rows.map(versionOf));
}

function versionOf({ version, revision }: InstanceRow): string {
  return JSON.stringify([version, revision]);
}

function typical(rows: readonly InstanceRow[]): { readonly p50: number; readonly count: number } | null {
  const measured = rows.filter(({ p50 }) => Number.isFinite(p50) && p50 > 0);
  const count = measured.reduce((sum, row) => sum + row.count, 0);
  if (count < LEAST_SPANS) return null;
  return { count, p50: measured.reduce((sum, row) => sum + row.p50 * row.count, 0) / count };
}
