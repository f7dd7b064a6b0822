import type { ChangeEvent, EvidenceId } from '../diagnosis.ts';
import type { Gathered, StackChange } from '../gather/gathered.ts';
import type { CaseFile } from './case-file.ts';
import { quantities, quantity, stackSource } from './evidence.ts';
import { stackPage } from './evidence-links.ts';

/** Something that was done to the system, with the time it took, epoch milliseconds. */
export interface Moment {
  readonly kind: ChangeEvent['kind'];
  readonly title: string;
  readonly start: number;
  readonly end: number;
  /** Notes it as evidence. */
  describe(file: CaseFile): EvidenceId;
}

/** Updates of the stacks that changed anything, and the markers of the telemetry store, the newest first. */
export function momentsOf(gathered: Gathered): readonly Moment[] {
  const updates = gathered.updates
    .filter((change) => change.update.kind === 'update' && touchedAnything(change))
    .map(
      (change): Moment => ({
        kind: 'stack-update',
        title: titleOf(change),
        start: change.update.start,
        end: change.update.end ?? change.update.start,
        describe: (file) => describeUpdate(file, change),
      }),
    );
  const markers = gathered.markers.map(
    (marker): Moment => ({
      kind: 'marker',
      title: `Marker “${marker.title}”`,
      start: marker.time,
      end: marker.time,
      describe: (file) => describeMarker(file, marker),
    }),
  );
  return [...updates, ...markers].sort((a, b) => b.end - a.end || (a.title < b.title ? -1 : 1));
}

/** Moments for the chart, in time order. */
export function changeEvents(gathered: Gathered): readonly ChangeEvent[] {
  const updates = gathered.updates.filter(touchedAnything).map(
    (change): ChangeEvent => ({
      time: change.update.end ?? change.update.start,
      kind: 'stack-update',
      title: titleOf(change),
    }),
  );
  const markers = gathered.markers.map((marker): ChangeEvent => ({ ...marker, kind: 'marker' }));
  const { start, end } = gathered.lookback;
  return [...updates, ...markers]
    .filter((event) => event.time >= start && event.time <= end)
    .sort((a, b) => a.time - b.time || (a.title < b.title ? -1 : 1));
}

function describeUpdate(file: CaseFile, change: StackChange): EvidenceId {
  const { update, stack } = change;
  return file.book.add({
    kind: 'change',
    subject: { service: file.symptom.service },
    summary: `${titleOf(change)} of stack ${stack}: ${Object.entries(update.changes)
      .filter(([, count]) => count > 0)
      .map(([operation, count]) => `${count} ${operation}`)
      .join(', ')}.`,
    window: { start: update.start, end: update.end ?? file.gathered.now },
    numbers: quantities(quantity('ended', update.end, 'epoch-ms')),
    n: 1,
    source: stackSource(stack, { page: stackPage(stack, change.backend, update.version) }),
  });
}

function describeMarker(file: CaseFile, { time, title }: { time: number; title: string }): EvidenceId {
  const { store, dataset } = file.gathered;
  return file.book.add({
    kind: 'change',
    subject: { service: file.symptom.service },
    summary: `Marker “${title}” in ${store}.`,
    window: { start: time, end: time },
    numbers: quantities(quantity('time', time, 'epoch-ms')),
    n: 1,
    source: { from: 'telemetry', store, dataset, query: { markers: 'all' } },
  });
}

function touchedAnything(change: StackChange): boolean {
  return Object.entries(change.update.changes).some(
    ([operation, count]) => operation !== 'same' && count > 0,
  );
}

function titleOf(change: StackChange): string {
  const { message, result } = change.update;
  const outcome = result === 'succeeded' ? '' : ` (${result})`;
  return `Update${message === '' ? '' : ` “${message}”`}${outcome}`;
}
