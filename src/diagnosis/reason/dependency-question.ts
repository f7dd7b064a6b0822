import type { EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import type { ResourceEndpoint } from '../gather/gathered.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import type { DependencyPart } from './classify.ts';
import { waitingShare } from './contention.ts';
import {
  formatMs,
  formatPercent,
  formatShare,
  metricsSource,
  quantities,
  quantity,
  telemetrySource,
} from './evidence.ts';
import { hasHeadroom, isPressed, utilisationOf } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';

/** Calls per request that rose by half are another question: the caller asks more, the callee is not slower. */
const MORE_CALLS = 1.5;
/** A call this much slower has slowed itself (a tenth is within what medians of a few dozen calls wander). */
const SLOWER_CALL = 1.2;

/** Does one thing outside of the telemetry answer more slowly? */
export function askDependencies(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  const largest = [...file.parts.dependencies].sort((a, b) => (b.growth ?? b.after) - (a.growth ?? a.after));
  for (const dependency of largest.slice(0, 5)) {
    const evidence = describe(file, dependency);
    if (evidence === null) continue;
    const candidate = file.growth === null ? null : weigh(file, dependency, evidence);
    if (candidate !== null) candidates.push(candidate);
    else ruledOut.push(ruleOut(file, dependency, evidence));
  }
  return { candidates, ruledOut, gaps: [] };
}

function weigh(file: CaseFile, dependency: DependencyPart, evidence: EvidenceId): Candidate | null {
  const machine = file.machines.get(dependency.name.service) ?? null;
  const held = machine !== null && isPressed(machine.cpu) ? waitingShare(file, machine, dependency) : 0;
  const share = shareOf((dependency.growth ?? 0) * (1 - held), file.growth);
  if (share === null || share < LEAST_SHARE) return null;
  const calls = callGrowth(dependency);
  const perCall = costGrowth(dependency);
  const asksMore = calls !== null && calls >= MORE_CALLS && (perCall === null || perCall < SLOWER_CALL);
  const target = targetOf(file, dependency);
  const store = target.resource === undefined ? null : describeStore(file, target.resource, dependency);
  // A machine with CPU to spare leaves only the other side to be slow; a full one makes any call look slow.
  const machineFactor = hasHeadroom(machine?.cpu ?? null) ? 1 : isPressed(machine?.cpu ?? null) ? 0.6 : 0.85;
  const confidence =
    (0.6 + 0.35 * share) *
    machineFactor *
    weightOfCount(Math.min(file.after.requests, file.before?.requests ?? 0));
  const cpu = machine?.cpuEvidence ?? null;
  return {
    kind: asksMore ? 'application' : 'dependency',
    target,
    share,
    confidence: confident(confidence),
    evidence: [evidence, store, cpu, file.latencyEvidence].filter((id) => id !== null),
    inStack: !asksMore && target.resource !== undefined,
  };
}

function callGrowth(dependency: DependencyPart): number | null {
  const { callsBefore, callsAfter } = dependency;
  return callsBefore === null || callsBefore === 0 ? null : callsAfter / callsBefore;
}

function costGrowth(dependency: DependencyPart): number | null {
  const { before, after, callsBefore, callsAfter } = dependency;
  if (before === null || !callsBefore || !callsAfter || before === 0) return null;
  return after / callsAfter / (before / callsBefore);
}

function targetOf(file: CaseFile, dependency: DependencyPart): Target {
  const outer = dependency.nodes[0];
  const endpoint = matchEndpoint(dependency.name.address, file.gathered.endpoints);
  const { label, address, service } = dependency.name;
  const shown = address === null || address === label ? label : `${label} (${address})`;
  return {
    service,
    ...(outer === undefined ? {} : { operation: outer.operation }),
    dependency: shown,
    ...(endpoint === null ? {} : { resource: endpoint.urn }),
  };
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
    window: windows.incident,
    ...(windows.baseline === null ? {} : { baseline: windows.baseline }),
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
function describeStore(file: CaseFile, urn: string, dependency: DependencyPart): EvidenceId | null {
  const { windows, metrics } = file.gathered;
  const use = utilisationOf(metrics, 'cpu', { urn }, windows);
  if (use === null || use.after === null) return null;
  return file.book.add({
    kind: 'utilisation',
    subject: { service: dependency.name.service, dependency: dependency.name.label, resource: urn },
    summary: `${dependency.name.label} itself used ${formatPercent(use.after)} of its CPU.`,
    window: windows.incident,
    ...(windows.baseline === null ? {} : { baseline: windows.baseline }),
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
  const machine = file.machines.get(dependency.name.service);
  const waits =
    machine !== undefined && isPressed(machine.cpu) && waitingShare(file, machine, dependency) > 0.5;
  const { label } = dependency.name;
  const now = formatMs(dependency.after);
  const reason =
    dependency.before === null
      ? `Calls to ${label} take ${now} of each request.`
      : share === null
        ? `Calls to ${label} went from ${formatMs(dependency.before)} to ${now}.`
        : waits && share >= LEAST_SHARE
          ? `Calls to ${label} grew from ${formatMs(dependency.before)} to ${now}, no more than the caller’s own wait for CPU accounts for.`
          : `Calls to ${label} went from ${formatMs(dependency.before)} to ${now}: ${formatShare(share)} of the slowdown.`;
  return { kind: 'dependency', target: targetOf(file, dependency), reason, evidence: [evidence] };
}
