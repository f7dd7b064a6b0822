import type { EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, WindowTotals } from './case-file.ts';
import { dependencyTarget } from './dependency-question.ts';
import { formatShare, QUANTITY, quantities, quantity, telemetrySource } from './evidence.ts';
import type { Suspect } from './places/blame.ts';
import type { Breaker } from './places/broken-calls.ts';
import type { Failing } from './places/failing.ts';
import type { Operation } from './places/operations.ts';
import { confident, weightOfCount } from './thresholds.ts';
import { periodsOf } from './windows.ts';

/** Where failing starts is read off the spans' status; that it is the cause of slowness beside it is likely, not certain. */
const CONFIDENCE = 0.9;
const CONFIDENCE_WITHOUT_BASELINE = 0.6;
/** What is missing tells less surely where it was given up. */
const CONFIDENCE_BY_MISSING_CALLS = 0.7;
/** Callers above a failing call whose time may go into waiting to try again. */
const LEVELS = 3;

/** Did more calls fail, and where does failing start? */
export function askErrors(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const failed = startOfFailing(file);
  const known = file.gathered.windows.baselines.length > 0;
  if (failed !== null) {
    candidates.push({
      kind: 'errors',
      target: targetOf(file, failed.operation),
      share: shareExplained(file, failed),
      weight: 1,
      confidence: confident(
        (known ? CONFIDENCE : CONFIDENCE_WITHOUT_BASELINE) * weightOfCount(file.after.requests),
      ),
      evidence: [describeFailing(file, failed), describeSymptom(file)].filter((id) => id !== null),
      inStack: false,
    });
  }
  if (candidates.length === 0) candidates.push(...askBreakers(file));
  const ruledOut: RuledOut[] = [];
  if (candidates.length === 0) {
    const { service, operation } = file.symptom;
    const share = (of: WindowTotals): number => (of.requests > 0 ? of.errors / of.requests : 0);
    const [now, then] = [share(file.after), file.before === null ? 0 : share(file.before)];
    const earlier = file.before === null ? '' : `, ${formatShare(then)} before`;
    const rose = now > then && formatShare(now) !== formatShare(then);
    const reason = `Errors did not rise${rose ? ' beyond chance' : ''}: ${formatShare(now)} of ${operation} failed${earlier}.`;
    ruledOut.push({
      kind: 'errors',
      target: { service, operation },
      reason,
      evidence: [describeSymptom(file)],
    });
  }
  return { candidates, ruledOut, gaps: [] };
}

/**
 * The suspects whose lost time is what failing costs: calls made again, and the waiting between tries in the operations
 * above. Where the failing call itself became slower it runs into a limit, and being slow comes first.
 */
export function explainedByFailing(file: CaseFile): ReadonlySet<Suspect> {
  const failed = startOfFailing(file);
  if (failed === null) return new Set();
  const above = callersOf(failed.operation);
  return new Set(
    file.culprits.suspects.filter((suspect) => {
      const explained =
        suspect.places
          .filter(({ place }) => place.callee === null && above.has(place.operation))
          .reduce((sum, { lost }) => sum + lost, 0) +
        suspect.repeated
          .filter(
            ({ operation, rate }) =>
              above.has(operation) && (rate.child === failed.operation || above.has(rate.child)),
          )
          .reduce((sum, { lost }) => sum + lost, 0);
      return explained >= (suspect.onTheWay + suspect.ownWork + suspect.moreCalls) / 2;
    }),
  );
}

/** The failing operation with most failed calls, unless it fails because it is slow. */
function startOfFailing(file: CaseFile): Failing | null {
  const [most] = file.culprits.failing;
  if (most === undefined) return null;
  const isSlow =
    file.isSlow &&
    file.culprits.places.some((place) => place.operation === most.operation && place.degree > 0);
  return isSlow ? null : most;
}

function shareExplained(file: CaseFile, failed: Failing): number | null {
  const explained = explainedByFailing(file);
  if (explained.size === 0) return null;
  const lostBy = (all: Iterable<Suspect>): number => {
    let sum = 0;
    for (const one of all) sum += one.onTheWay + one.ownWork + one.moreCalls;
    return sum;
  };
  const whole = lostBy(file.culprits.suspects);
  return whole > 0 && failed.calls > 0 ? Number((lostBy(explained) / whole).toFixed(2)) : null;
}

function callersOf(operation: Operation): ReadonlySet<Operation> {
  let level = new Set([operation]);
  const all = new Set<Operation>();
  for (let up = 0; up < LEVELS; up++) {
    level = new Set([...level].flatMap((one) => [...one.parents]));
    for (const one of level) all.add(one);
  }
  return all;
}

function targetOf(file: CaseFile, operation: Operation): Target {
  const key = [...operation.ways.keys()].find((callee) => file.dependencies.has(callee));
  const dependency = key === undefined ? undefined : file.dependencies.get(key);
  if (dependency !== undefined) return dependencyTarget(file, dependency, operation);
  return { service: operation.service, operation: operation.operation };
}

function describeFailing(file: CaseFile, failed: Failing): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const { service, operation } = failed.operation;
  const all = [...failed.operation.windows].find(([window]) => window === 'incident')?.[1];
  return file.book.add({
    kind: 'errors',
    subject: targetOf(file, failed.operation),
    summary: `${formatShare(failed.now)} of the calls of ${operation} in ${service} failed, ${formatShare(failed.before)} before; nothing that it calls failed as often.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('failed now', failed.now, 'share'),
      quantity('failed before', failed.before, 'share'),
      quantity('errors now', all?.errors, 'count'),
    ),
    n: all?.count ?? 0,
    source: telemetrySource(file.gathered, calls.query),
  });
}

function describeSymptom(file: CaseFile): EvidenceId {
  const { before, after, gathered, symptom } = file;
  const share = after.requests > 0 ? after.errors / after.requests : 0;
  const earlier = before !== null && before.requests > 0 ? before.errors / before.requests : null;
  return file.book.add({
    kind: 'errors',
    subject: { service: symptom.service, operation: symptom.operation },
    summary: `${formatShare(share)} of ${symptom.operation} failed${earlier === null ? '' : `, ${formatShare(earlier)} before`}.`,
    ...periodsOf(gathered.windows),
    numbers: quantities(
      quantity('failed now', share, 'share'),
      quantity('failed before', earlier, 'share'),
      quantity('errors now', after.errors, 'count'),
    ),
    n: Math.round(after.requests),
    source: telemetrySource(gathered, gathered.entries.query),
  });
}

/** Calls that are no longer made tell of failing where spans carry no status. Behind what was measured to be slow. */
function askBreakers(file: CaseFile): readonly Candidate[] {
  const { breakers, suspects } = file.culprits;
  const hidden = file.isSlow ? new Set(suspects.map(({ service }) => service)) : new Set<string>();
  const shown = breakers.filter(({ service }) => !hidden.has(service) && !file.dependencies.has(service));
  const whole = shown.reduce((sum, { calls }) => sum + calls, 0);
  const beside = file.isSlow ? 0.01 : 1;
  return shown.map((breaker) => ({
    kind: 'errors',
    target: { service: breaker.service },
    share: null,
    weight: (beside * breaker.calls) / whole,
    confidence: confident(
      CONFIDENCE_BY_MISSING_CALLS *
        (file.isSlow ? 0.3 : 1) *
        (breaker.calls / whole) *
        weightOfCount(file.after.requests),
    ),
    evidence: [describeBreaker(file, breaker)].filter((id) => id !== null),
    inStack: false,
  }));
}

function describeBreaker(file: CaseFile, breaker: Breaker): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const [first] = breaker.broken;
  const missing = first?.missing[0];
  const summary = breaker.isGone
    ? `${breaker.service} sends no spans any more, and its callers still run.`
    : `${first?.operation.operation ?? breaker.service} no longer makes ${Math.round(breaker.calls)} of its calls${missing === undefined ? '' : `, ${missing.operation} of ${missing.service} first of all`}: it gives up before them.`;
  return file.book.add({
    kind: 'errors',
    subject: {
      service: breaker.service,
      ...(first === undefined ? {} : { operation: first.operation.operation }),
    },
    summary,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('calls not made', breaker.calls, 'count'),
      quantity(QUANTITY.spansLeft, breaker.isGone ? 0 : null, 'count'),
    ),
    n: first?.operation.windows.get('incident')?.count ?? 0,
    source: telemetrySource(file.gathered, calls.query),
  });
}
