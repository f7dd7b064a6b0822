import type { EvidenceId } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import type { CallPart } from './classify.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { groupBy } from './grouping.ts';
import { kindOfWay } from './places/kind.ts';
import { isPressed, type Utilisation } from './saturation.ts';
import { confident, LEAST_SHARE, shareOf, weightOfCount } from './thresholds.ts';
import { assignWays, type SlowWay } from './way-ends.ts';

/** Where the machines are not known to be calm, a delay that meets every call speaks for the way, though not as surely. */
const CONFIDENCE_EVERY_CALL = 0.5;
/** The right place, and neither its machines nor the shape of the delay say why. */
const CONFIDENCE_WITHOUT_MACHINES = 0.45;

/**
 * Did calls between two services grow on the outside: the caller's span, but not the callee's? Then it is the way
 * between them, or the callee's queue before its span begins; where a machine is saturated, that explains it better.
 * Of the two ends the one is named whose other calls became slower as well; where there are none, the callee.
 */
export function askNetwork(file: CaseFile): Findings {
  if (file.growth === null || file.gathered.calls === null) return { candidates: [], ruledOut: [], gaps: [] };
  const grown = file.parts.calls.filter(
    (call) =>
      call.before !== null &&
      (call.growth ?? 0) > 0 &&
      !endsOf(call).some((end) => isPressed(cpuOf(file, end))),
  );
  const whole = grown.reduce((sum, call) => sum + (call.growth ?? 0), 0);
  if ((shareOf(whole, file.growth) ?? 0) < LEAST_SHARE) return { candidates: [], ruledOut: [], gaps: [] };
  const byEnd = groupBy(assignWays(file, grown), (way) => way.end);
  return {
    candidates: [...byEnd].map(([end, ways]) => weigh(file, end, ways)).filter((one) => one !== null),
    ruledOut: [],
    gaps: [],
  };
}

/** All slow ways that one service is blamed for. Null when they don't explain enough. */
function weigh(file: CaseFile, service: string, ways: readonly SlowWay[]): Candidate | null {
  const gained = ways.reduce((sum, { call }) => sum + (call.growth ?? 0), 0);
  const share = shareOf(gained, file.growth);
  if (share === null || share < LEAST_SHARE) return null;
  const seen = ways.filter(({ everyCall }) => everyCall !== null);
  const seenGain = seen.reduce((sum, { call }) => sum + (call.growth ?? 0), 0);
  const everyCall = seen.reduce((sum, way) => sum + (way.everyCall ?? 0) * (way.call.growth ?? 0), 0);
  const known = ways.every(({ call }) => endsOf(call).every((end) => cpuOf(file, end) !== null));
  const kind = seenGain > 0 ? kindOfWay(everyCall / seenGain, known) : 'network';
  const confidence = known
    ? 0.55 + 0.2 * share
    : seenGain > 0 && kind === 'network'
      ? CONFIDENCE_EVERY_CALL + 0.2 * share
      : CONFIDENCE_WITHOUT_MACHINES;
  return {
    kind,
    target: { service },
    share,
    confidence: confident(confidence * weightOfCount(file.after.requests)),
    evidence: [...ways.map((way) => describe(file, way)), file.latencyEvidence].filter((id) => id !== null),
    inStack: false,
  };
}

function describe(file: CaseFile, { call, end, everyCall }: SlowWay): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null || call.before === null) return null;
  return file.book.add({
    kind: 'breakdown',
    subject: { service: end },
    summary: `Between ${call.service} and ${call.callee} each request spends ${formatMs(call.after)}, ${formatMs(call.before)} before; neither side's own work is in it.`,
    window: windows.incident,
    ...(windows.baseline === null ? {} : { baseline: windows.baseline }),
    numbers: quantities(
      quantity('between now', call.after, 'ms'),
      quantity('between before', call.before, 'ms'),
      quantity('part of it that every call lost', everyCall, 'share'),
    ),
    n: call.nodes.reduce((sum, node) => sum + (node.after?.count ?? 0), 0),
    source: telemetrySource(file.gathered, calls.query),
  });
}

function endsOf(call: CallPart): readonly string[] {
  return [call.service, call.callee];
}

function cpuOf(file: CaseFile, service: string): Utilisation | null {
  return file.machines.get(service)?.cpu ?? null;
}
