import type { EvidenceId } from '../diagnosis.ts';
import type { InstanceRow } from '../gather/gathered.ts';
import { type CaseFile, instancesIn } from './case-file.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { groupBy } from './grouping.ts';
import { median } from './statistics.ts';
import { periodsOf } from './windows.ts';

/** One running copy of a service that is slow while the others are not. */
export interface BadInstance {
  readonly service: string;
  readonly instance: string;
  /** Medians, milliseconds: its own, and the middle of the others'. */
  readonly own: number;
  readonly others: number;
  readonly rows: readonly InstanceRow[];
}

/** Requests are dealt out at random, so copies differ by chance alone; twice as slow they do not. */
const SLOWER = 2;
/** The others are as they were. */
const STAYED = 1.5;
const LEAST_SPANS = 10;

/** Of two or more copies, the one that alone became slow; null where all did, or there is only one. */
export function badInstance(file: CaseFile, service: string): BadInstance | null {
  const now = copies(instancesIn(file.gathered, service, 'incident'));
  if (now.length < 2) return null;
  const [worst, ...others] = now.toSorted((a, b) => b.p50 - a.p50 || (a.instance < b.instance ? -1 : 1));
  if (worst === undefined) return null;
  const usual = median(others.map((one) => one.p50));
  const before = copies(
    file.gathered.instances?.rows.filter((row) => row.service === service && row.window !== 'incident') ?? [],
  );
  const wasFast = before.length === 0 || usual <= STAYED * median(before.map((one) => one.p50));
  if (worst.p50 < SLOWER * usual || !wasFast) return null;
  return {
    service,
    instance: worst.instance,
    own: worst.p50,
    others: usual,
    rows: instancesIn(file.gathered, service, 'incident'),
  };
}

export function describeInstances(file: CaseFile, bad: BadInstance): EvidenceId | null {
  const { instances, windows } = file.gathered;
  if (instances === null) return null;
  return file.book.add({
    kind: 'instance',
    subject: { service: bad.service, instance: bad.instance },
    summary: `The median request takes ${formatMs(bad.own)} on ${bad.instance} and ${formatMs(bad.others)} on the other copies.`,
    ...periodsOf(windows),
    numbers: quantities(
      quantity('median here', bad.own, 'ms'),
      quantity('median elsewhere', bad.others, 'ms'),
    ),
    n: bad.rows.reduce((sum, row) => sum + row.count, 0),
    source: telemetrySource(file.gathered, instances.query),
  });
}

interface Copy {
  readonly instance: string;
  readonly count: number;
  readonly p50: number;
}

/** Rows of one copy (they differ by version and kind of span) taken together. */
function copies(rows: readonly InstanceRow[]): readonly Copy[] {
  const named = rows.filter((row) => row.instance !== null && row.count > 0);
  return [...groupBy(named, (row) => row.instance ?? '')]
    .map(([instance, group]) => {
      const count = group.reduce((sum, row) => sum + row.count, 0);
      return { instance, count, p50: group.reduce((sum, row) => sum + row.p50 * row.count, 0) / count };
    })
    .filter((copy) => copy.count >= LEAST_SPANS && Number.isFinite(copy.p50));
}
