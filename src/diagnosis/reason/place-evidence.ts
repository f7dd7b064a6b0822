import type { EvidenceId } from '../diagnosis.ts';
import type { CaseFile } from './case-file.ts';
import { formatMs, QUANTITY, quantities, quantity, telemetrySource } from './evidence.ts';
import type { MoreCalls } from './places/call-rates.ts';
import { INCIDENT } from './places/calls.ts';
import type { Place } from './places/places.ts';
import { periodsOf } from './windows.ts';

/** What was lost at one place: in an operation's own work, or on the way of a call. */
export function describePlace(file: CaseFile, place: Place): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const { service, operation } = place.operation;
  const dependency = place.callee === null ? undefined : file.dependencies.get(place.callee);
  const times = `${formatMs(place.now)} a call, ${formatMs(place.before)} before`;
  const end = place.operation.windows.get(INCIDENT);
  const summary =
    place.callee === null
      ? `${operation} of ${service} itself takes ${times}.`
      : dependency === undefined
        ? `Between ${service} and ${place.callee}, outside of both, ${operation} spends ${times}.`
        : `Calls of ${service} to ${dependency.label} take ${times}.`;
  return file.book.add({
    kind: dependency === undefined ? 'breakdown' : 'dependency',
    subject: {
      service,
      operation,
      ...(dependency === undefined ? {} : { dependency: dependency.label }),
    },
    summary: `${summary}${shapeOf(place)}${timeoutOf(end?.p95 ?? 0, place)}`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('mean now', place.now, 'ms'),
      quantity('mean before', place.before, 'ms'),
      quantity('median now', place.p50, 'ms'),
      quantity('median before', place.p50Before, 'ms'),
      quantity('P95 of the span now', end?.p95, 'ms'),
      quantity('part of the loss that every call has', place.everyCall, 'share'),
      quantity('failed now', end === undefined ? null : end.errors / end.count, 'share'),
    ),
    n: place.count,
    source: telemetrySource(file.gathered, calls.query),
  });
}

export function describeMoreCalls(file: CaseFile, more: MoreCalls): EvidenceId | null {
  const { calls, windows } = file.gathered;
  if (calls === null) return null;
  const { operation, rate } = more;
  const child = file.dependencies.get(rate.child.service)?.label ?? rate.child.operation;
  return file.book.add({
    kind: 'breakdown',
    subject: { service: operation.service, operation: operation.operation },
    summary:
      `${operation.operation} calls ${child} ${times(rate.now)} where it called it ${times(rate.before)}; ` +
      `the added calls take ${formatMs(more.gain)}.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity(QUANTITY.callsNow, rate.now, 'ratio'),
      quantity(QUANTITY.callsBefore, rate.before, 'ratio'),
      quantity('time of the added calls', more.gain, 'ms'),
    ),
    n: operation.windows.get(INCIDENT)?.count ?? 0,
    source: telemetrySource(file.gathered, calls.query),
  });
}

function times(count: number): string {
  const shown = figure(count);
  return Number(shown) === 1 ? 'once' : `${shown} times`;
}

/** The median stays where a tail alone, or a second kind of request, became slower. */
const MEDIAN_STAYED = 1.2;
const MEAN_MOVED = 1.5;

function shapeOf(place: Place): string {
  if (place.callee !== null && place.everyCall !== null && place.everyCall >= 2 / 3)
    return ' Every call lost about the same.';
  const median = place.p50Before > 0 ? place.p50 / place.p50Before : 1;
  const mean = place.before > 0 ? place.now / place.before : 1;
  return median < MEDIAN_STAYED && mean >= MEAN_MOVED
    ? ' The median stayed: a part of the calls became slower, not all of them.'
    : '';
}

/** Timeouts that people set, milliseconds. */
const ROUND = [500, 1_000, 2_000, 3_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000];
/** A timer fires a little late, never early. */
const LATE = 1.03;

/** Calls that end at a round duration were given up, and how long they would have taken is not known. */
function timeoutOf(p95: number, place: Place): string {
  const limit = ROUND.find((one) => p95 >= one && p95 <= one * LATE);
  const was = place.p50Before > 0 && p95 >= 5 * place.p50Before;
  return limit !== undefined && was ? ` It ends at ${formatMs(limit)}, as if given up by a timeout.` : '';
}

function figure(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}
