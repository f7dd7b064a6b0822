import type { EvidenceId, Symptom } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import { type Bin, poolPoints } from './bins.ts';
import type { CaseFile, WindowTotals } from './case-file.ts';
import { classify, partition } from './classify.ts';
import {
  EvidenceBook,
  formatMs,
  QUANTITY,
  quantities,
  quantity,
  seconds,
  telemetrySource,
} from './evidence.ts';
import { buildCallTree, type CallTree } from './localise.ts';
import { readMachines } from './machines.ts';
import { median } from './statistics.ts';

/** Works out what all questions need: the tree with its exclusive times, the totals of both windows, the machines. */
export function openCase(gathered: Gathered): CaseFile {
  const book = new EvidenceBook();
  const hasBaseline = gathered.windows.baseline !== null;
  const tree = buildCallTree(gathered.calls?.rows ?? [], gathered.symptom);
  const bins = binsOf(gathered);
  const after = totalsIn(gathered, tree, bins, 'incident');
  const before = totalsIn(gathered, tree, bins, 'baseline');
  const symptom = symptomOf(gathered, tree, bins);
  const classified = classify(tree);
  const parts = partition(classified, hasBaseline && before !== null);
  const services = [...new Set([gathered.symptom.service, ...tree.nodes.map((node) => node.service)])];
  return {
    gathered,
    tree,
    classified,
    parts,
    symptom,
    before,
    after: after ?? { requests: 0, errors: 0, rate: 0, mean: 0 },
    growth: growthOf(symptom, before, after),
    latencyEvidence: describeLatency(gathered, symptom, before, after, book),
    machines: readMachines(gathered, services, book),
    book,
  };
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
export function binsOf(gathered: Gathered): readonly Bin[] {
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
  const window = gathered.windows[name];
  if (window === null) return null;
  const root = tree.nodes[0];
  const cost = name === 'incident' ? root?.after : root?.before;
  if (cost) {
    const rate = seconds(window) > 0 ? cost.count / seconds(window) : 0;
    return { requests: cost.count, errors: cost.errors, rate, mean: cost.total };
  }
  const inside = bins.filter((bin) => bin.end > window.start && bin.start < window.end);
  const requests = inside.reduce((sum, bin) => sum + bin.count, 0);
  if (requests === 0) return null;
  return {
    requests,
    errors: inside.reduce((sum, bin) => sum + bin.errors, 0),
    rate: seconds(window) > 0 ? requests / seconds(window) : 0,
    mean: inside.reduce((sum, bin) => sum + bin.p50 * bin.count, 0) / requests,
  };
}

function symptomOf(gathered: Gathered, tree: CallTree, bins: readonly Bin[]): Symptom {
  const { service, operation } = gathered.symptom;
  const { windows } = gathered;
  const root = tree.nodes[0];
  const fromBins = (window: { start: number; end: number } | null): number | null => {
    if (window === null) return null;
    const value = median(
      bins.filter((bin) => bin.end > window.start && bin.start < window.end).map((bin) => bin.p95),
    );
    return Number.isFinite(value) ? value : null;
  };
  return {
    service,
    operation,
    p95Before: windows.baseline === null ? null : (root?.before?.p95 ?? fromBins(windows.baseline)),
    p95After: root?.after?.p95 ?? fromBins(windows.incident) ?? 0,
    onset: windows.onset,
  };
}

function describeLatency(
  gathered: Gathered,
  symptom: Symptom,
  before: WindowTotals | null,
  after: WindowTotals | null,
  book: EvidenceBook,
): EvidenceId {
  const { baseline, incident } = gathered.windows;
  const earlier = symptom.p95Before === null ? '' : `, ${formatMs(symptom.p95Before)} before`;
  return book.add({
    kind: 'latency',
    subject: { service: symptom.service, operation: symptom.operation },
    summary: `P95 of ${symptom.operation} is ${formatMs(symptom.p95After)}${earlier}.`,
    window: incident,
    ...(baseline === null ? {} : { baseline }),
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
