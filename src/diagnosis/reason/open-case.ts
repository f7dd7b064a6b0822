import type { TimeWindow } from '../../telemetry/query.ts';
import type { EvidenceId, Symptom } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import { type Bin, poolPoints } from './bins.ts';
import { canonical } from './canonical.ts';
import type { CaseFile, WindowTotals } from './case-file.ts';
import { classify, partition } from './classify.ts';
import { entranceShifted } from './entrance.ts';
import {
  EvidenceBook,
  formatMs,
  QUANTITY,
  quantities,
  quantity,
  seconds,
  telemetrySource,
} from './evidence.ts';
import { buildCallTree, type CallTree, ofSymptom } from './localise.ts';
import { readMachines } from './machines.ts';
import type { CallAggregate } from './places/calls.ts';
import type { CpuUse } from './places/cpu-use.ts';
import { findCulprits } from './places/culprits.ts';
import { withDependencies } from './places/dependencies.ts';
import { utilisationOf } from './saturation.ts';
import { silenceAfter } from './silence.ts';
import { median } from './statistics.ts';
import { periodsOf } from './windows.ts';

/** Works out what all questions need: the tree with its exclusive times, the totals of both windows, the machines. */
export function openCase(raw: Gathered): CaseFile {
  const gathered = canonical(raw);
  const book = new EvidenceBook();
  const hasBaseline = gathered.windows.baselines.length > 0;
  const tree = buildCallTree(gathered.calls?.rows ?? [], gathered.symptom);
  const bins = binsOf(gathered);
  const after = totalsIn(gathered, tree, bins, 'incident');
  const before = totalsIn(gathered, tree, bins, 'baseline');
  const symptom = symptomOf(gathered, tree, bins);
  const classified = classify(tree);
  const parts = partition(classified, hasBaseline && before !== null);
  const rows = gathered.calls?.rows ?? [];
  const { calls, dependencies } = withDependencies(
    gathered.scope === 'symptom' ? ofSymptom(rows, gathered.symptom) : rows,
  );
  const growth = growthOf(symptom, before, after);
  const isShifted = entranceShifted(gathered);
  const culprits = findCulprits(calls, cpuUses(gathered, calls), isShifted ? 'slow' : 'open');
  const services = new Set([
    gathered.symptom.service,
    ...tree.nodes.map((node) => node.service),
    ...culprits.suspects.slice(0, MOST_DESCRIBED).map((suspect) => suspect.service),
  ]);
  return {
    gathered,
    tree,
    classified,
    parts,
    symptom,
    before,
    after: after ?? { requests: 0, errors: 0, rate: 0, mean: 0 },
    growth,
    isSlow: culprits.isFelt || (isShifted && growth !== null),
    culprits,
    dependencies,
    latencyEvidence: describeLatency(gathered, symptom, before, after, book),
    machines: readMachines(
      gathered,
      [...services].filter((service) => !dependencies.has(service)),
      book,
    ),
    bins,
    silence: gathered.windows.origin === 'asked' ? null : silenceAfter(bins, gathered.lookback),
    book,
  };
}

/** Machines of suspects beyond these are not described. */
const MOST_DESCRIBED = 5;

/** By service, where its CPU was read in the incident and before. */
function cpuUses(gathered: Gathered, calls: readonly CallAggregate[]): ReadonlyMap<string, CpuUse> {
  const uses = new Map<string, CpuUse>();
  const measured = new Set(gathered.metrics?.series.map((series) => series.service));
  for (const service of new Set(calls.map((row) => row.service))) {
    if (!measured.has(service)) continue;
    const use = utilisationOf(gathered.metrics, 'cpu', { service }, gathered.windows);
    if (use !== null && use.before !== null && use.high !== null)
      uses.set(service, { now: use.high, before: use.before });
  }
  return uses;
}

/** A tenth on the mean, or half on the tail: less is no slowdown whose parts could be told from chance. */
const LEAST_MEAN_RATIO = 1.1;
const LEAST_TAIL_RATIO = 1.5;

/** How much longer a request takes on average; null when it doesn't, or when there is nothing to compare with. */
function growthOf(symptom: Symptom, before: WindowTotals | null, after: WindowTotals | null): number | null {
  if (before === null || after === null || after.mean <= before.mean) return null;
  const slower = after.mean >= LEAST_MEAN_RATIO * before.mean;
  const tail = symptom.p95Before !== null && symptom.p95After >= LEAST_TAIL_RATIO * symptom.p95Before;
  return slower || tail ? after.mean - before.mean : null;
}

/** The symptom's latency over time, pooled. */
function binsOf(gathered: Gathered): readonly Bin[] {
  const { service, operation } = gathered.symptom;
  const entry = gathered.entries.rows.find((one) => one.service === service && one.operation === operation);
  return entry === undefined ? [] : poolPoints(entry.points, gathered.granularitySeconds * 1000);
}

/** From the breakdown where there is one (exact), else from the series (its bins' medians). */
function totalsIn(
  gathered: Gathered,
  tree: CallTree,
  bins: readonly Bin[],
  name: 'incident' | 'baseline',
): WindowTotals | null {
  const windows = name === 'incident' ? [gathered.windows.incident] : gathered.windows.baselines;
  if (windows.length === 0) return null;
  // What fell silent got no requests that are known of: their rate is that of the time before.
  const heard = Math.max(0, ...bins.map(({ end }) => end));
  const length = windows.reduce(
    (sum, { start, end }) => sum + seconds({ start, end: heard > start ? Math.min(end, heard) : end }),
    0,
  );
  const root = tree.nodes[0];
  const cost = name === 'incident' ? root?.after : root?.before;
  if (cost) {
    const rate = length > 0 ? cost.count / length : 0;
    return { requests: cost.count, errors: cost.errors, rate, mean: cost.total };
  }
  const inside = binsIn(bins, windows);
  const requests = inside.reduce((sum, bin) => sum + bin.count, 0);
  if (requests === 0) return null;
  return {
    requests,
    errors: inside.reduce((sum, bin) => sum + bin.errors, 0),
    rate: length > 0 ? requests / length : 0,
    mean: inside.reduce((sum, bin) => sum + bin.p50 * bin.count, 0) / requests,
  };
}

function symptomOf(gathered: Gathered, tree: CallTree, bins: readonly Bin[]): Symptom {
  const { service, operation } = gathered.symptom;
  const { windows } = gathered;
  const root = tree.nodes[0];
  const fromBins = (all: readonly TimeWindow[]): number | null => {
    const value = median(binsIn(bins, all).map((bin) => bin.p95));
    return Number.isFinite(value) ? value : null;
  };
  return {
    service,
    operation,
    p95Before: windows.baselines.length === 0 ? null : (root?.before?.p95 ?? fromBins(windows.baselines)),
    p95After: root?.after?.p95 ?? fromBins([windows.incident]) ?? 0,
    onset: windows.onset,
  };
}

function binsIn(bins: readonly Bin[], windows: readonly TimeWindow[]): readonly Bin[] {
  return bins.filter((bin) => windows.some(({ start, end }) => bin.end > start && bin.start < end));
}

function describeLatency(
  gathered: Gathered,
  symptom: Symptom,
  before: WindowTotals | null,
  after: WindowTotals | null,
  book: EvidenceBook,
): EvidenceId {
  const earlier = symptom.p95Before === null ? '' : `, ${formatMs(symptom.p95Before)} before`;
  return book.add({
    kind: 'latency',
    subject: { service: symptom.service, operation: symptom.operation },
    summary: `P95 of ${symptom.operation} is ${formatMs(symptom.p95After)}${earlier}.`,
    ...periodsOf(gathered.windows),
    numbers: quantities(
      quantity(QUANTITY.p95After, symptom.p95After, 'ms'),
      quantity(QUANTITY.p95Before, symptom.p95Before, 'ms'),
      quantity(QUANTITY.meanAfter, after?.mean, 'ms'),
      quantity(QUANTITY.meanBefore, before?.mean, 'ms'),
      quantity('requests in the incident', after?.requests, 'count'),
      quantity('requests in the baseline', before?.requests, 'count'),
    ),
    n: (after?.requests ?? 0) + (before?.requests ?? 0),
    source: telemetrySource(gathered, gathered.entries.query),
  });
}
