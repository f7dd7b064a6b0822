import type { EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import type { ResourceEndpoint } from '../gather/gathered.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import type { DependencyName, DependencyPart } from './classify.ts';
import {
  formatMs,
  formatPercent,
  formatShare,
  metricsSource,
  quantities,
  quantity,
  telemetrySource,
} from './evidence.ts';
import { utilisationOf } from './saturation.ts';
import { LEAST_SHARE, shareOf } from './thresholds.ts';
import { periodsOf } from './windows.ts';

/** Calls per request that rose by half: the caller asks more, the callee is not slower. */
const MORE_CALLS = 1.5;

/** The dependencies that take most of a request and are not accused are ruled out with their times. */
export function askDependencies(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused = new Set(found.map(({ target }) => target.dependency));
  const largest = [...file.parts.dependencies].sort((a, b) => (b.growth ?? b.after) - (a.growth ?? a.after));
  const ruledOut = largest.slice(0, MOST_DEPENDENCIES).flatMap((dependency): readonly RuledOut[] => {
    const target = targetOf(file, dependency);
    const evidence = accused.has(target.dependency) ? null : describe(file, dependency);
    return evidence === null ? [] : [ruleOut(file, dependency, evidence)];
  });
  return { candidates: [], ruledOut, gaps: [] };
}

const MOST_DEPENDENCIES = 5;

/** A dependency as one of its callers calls it, with the resource of the stack that it is, where one answers at its address. */
export function dependencyTarget(
  file: CaseFile,
  { label, address }: Pick<DependencyName, 'label' | 'address'>,
  caller: { readonly service: string; readonly operation?: string | undefined },
): Target {
  const endpoint = matchEndpoint(address, file.gathered.endpoints);
  const shown = address === null || address === label ? label : `${label} (${address})`;
  return {
    service: caller.service,
    ...(caller.operation === undefined ? {} : { operation: caller.operation }),
    dependency: shown,
    ...(endpoint === null ? {} : { resource: endpoint.urn }),
  };
}

function targetOf(file: CaseFile, dependency: DependencyPart): Target {
  const { service } = dependency.name;
  return dependencyTarget(file, dependency.name, { service, operation: dependency.nodes[0]?.operation });
}

/** A resource that answers at this very host, and port where both sides name one. */
function matchEndpoint(
  address: string | null,
  endpoints: readonly ResourceEndpoint[],
): ResourceEndpoint | null {
  if (address === null) return null;
  const [, host = address, port] = /^(.*?)(?::(\d+))?$/.exec(address.toLowerCase()) ?? [];
  const sameHost = endpoints.filter((endpoint) => endpoint.host.toLowerCase() === host);
  const exact = sameHost.find((endpoint) => port !== undefined && endpoint.port === Number(port));
  // A host name of its own is enough; on a shared host (a laptop, a gateway) only the port tells.
  const alone =
    sameHost.length === 1 && (port === undefined || sameHost[0]?.port === null) ? sameHost[0] : undefined;
  return exact ?? alone ?? null;
}

function describe(file: CaseFile, dependency: DependencyPart): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const outer = dependency.nodes[0];
  const before = dependency.before === null ? '' : `, ${formatMs(dependency.before)} before`;
  return file.book.add({
    kind: 'dependency',
    subject: targetOf(file, dependency),
    summary: `Calls to ${dependency.name.label} take ${formatMs(dependency.after)} of each request${before}.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('time now', dependency.after, 'ms'),
      quantity('time before', dependency.before, 'ms'),
      quantity('P50 now', outer?.after?.p50, 'ms'),
      quantity('P50 before', outer?.before?.p50, 'ms'),
      quantity('P95 now', outer?.after?.p95, 'ms'),
      quantity('P95 before', outer?.before?.p95, 'ms'),
      quantity('calls per request now', dependency.callsAfter, 'ratio'),
      quantity('calls per request before', dependency.callsBefore, 'ratio'),
      quantity('errors now', outer?.after?.errors, 'count'),
    ),
    n: outer?.after?.count ?? 0,
    source: telemetrySource(file.gathered, calls.query),
  });
}

/** How busy the stack's own data store was, where its metrics could be read. */
export function describeStore(
  file: CaseFile,
  urn: string,
  { label }: Pick<DependencyName, 'label'>,
  caller: string,
): EvidenceId | null {
  const { windows, metrics } = file.gathered;
  const use = utilisationOf(metrics, 'cpu', { urn }, windows);
  if (use === null || use.after === null) return null;
  return file.book.add({
    kind: 'utilisation',
    subject: { service: caller, dependency: label, resource: urn },
    summary: `${label} itself used ${formatPercent(use.after)} of its CPU.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('utilisation now', use.after, 'percent'),
      quantity('utilisation before', use.before, 'percent'),
    ),
    n: use.points,
    source: metricsSource(file.gathered, use.series),
  });
}

function ruleOut(file: CaseFile, dependency: DependencyPart, evidence: EvidenceId): RuledOut {
  const share = shareOf(dependency.growth ?? 0, file.growth);
  const { label } = dependency.name;
  const { callsBefore, callsAfter } = dependency;
  const now = formatMs(dependency.after);
  const reason =
    dependency.before === null
      ? `Calls to ${label} take ${now} of each request.`
      : share === null
        ? `Calls to ${label} went from ${formatMs(dependency.before)} to ${now}.`
        : callsAfter >= MORE_CALLS * (callsBefore ?? callsAfter)
          ? `Calls to ${label} took ${formatMs(dependency.before)} of a request and take ${now} because there are ${figure(callsAfter)} of them instead of ${figure(callsBefore ?? 0)}.`
          : share >= LEAST_SHARE
            ? `Calls to ${label} grew from ${formatMs(dependency.before)} to ${now}, no more than the caller’s own slowness accounts for.`
            : `Calls to ${label} went from ${formatMs(dependency.before)} to ${now}: ${formatShare(share)} of the slowdown.`;
  return { kind: 'dependency', target: targetOf(file, dependency), reason, evidence: [evidence] };
}

function figure(calls: number): string {
  return String(Number(calls.toPrecision(2)));
}
