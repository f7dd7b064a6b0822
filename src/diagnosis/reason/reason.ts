import { contentId } from '../../content-hash.ts';
import type { Diagnosis, Gap, LatencyPoint, Symptom } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import { askApplication } from './application-question.ts';
import { type Bin, poolPoints } from './bins.ts';
import { cascadeOf, operationShares } from './cascade.ts';
import type { CaseFile, Findings, WindowTotals } from './case-file.ts';
import { askChanges, changeEvents } from './change-question.ts';
import { classify, partition } from './classify.ts';
import { askDependencies } from './dependency-question.ts';
import {
  EvidenceBook,
  formatMs,
  QUANTITY,
  quantities,
  quantity,
  seconds,
  telemetrySource,
} from './evidence.ts';
import { askErrors, askTraffic } from './load-question.ts';
import { buildCallTree, type CallTree } from './localise.ts';
import { readMachines } from './machines.ts';
import { askMemory } from './memory-question.ts';
import { askNetwork } from './network-question.ts';
import { askProcessors } from './processor-question.ts';
import { median } from './statistics.ts';
import { findShift, LEAST_REQUESTS } from './symptom.ts';
import { decide, rank } from './verdict.ts';

const QUESTIONS: readonly ((file: CaseFile) => Findings)[] = [
  askProcessors,
  askMemory,
  askDependencies,
  askNetwork,
  askApplication,
  askErrors,
  askTraffic,
  askChanges,
];

/** Orphans above this part of the spans' time make the tree a guess. */
const MOST_ORPHANS = 0.1;

/**
 * Evidence in, diagnosis out. Pure: no clock, no I/O; equal input gives an equal answer to the byte, whatever order
 * the rows came in.
 */
export function reason(gathered: Gathered): Diagnosis {
  const file = openCase(gathered);
  const enough = file.after.requests >= LEAST_REQUESTS;
  const findings = enough ? QUESTIONS.map((ask) => ask(file)) : [];
  const ranked = rank(findings.flatMap((one) => one.candidates));
  describeExemplars(file);
  const verdict = enough ? decide(file, ranked) : 'undetermined';
  const content: Omit<Diagnosis, 'id'> = {
    verdict,
    symptom: file.symptom,
    causes: ranked.map(({ inStack: _, ...cause }) => cause),
    cascade: cascadeOf(file, ranked[0]),
    ruledOut: findings.flatMap((one) => one.ruledOut),
    gaps: [...gathered.gaps, ...findings.flatMap((one) => one.gaps), ...gapsOf(file)],
    evidence: file.book.all(),
    incident: gathered.windows.incident,
    baseline: gathered.windows.baseline,
    latency: latencyPoints(binsOf(gathered)),
    operations: operationShares(file.tree, gathered.windows.baseline !== null),
    workloads: gathered.workloads,
    changes: changeEvents(gathered),
    requests: gathered.requests,
  };
  return { id: contentId('dx', content), ...content };
}

function openCase(gathered: Gathered): CaseFile {
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
    growth: before === null || after === null ? null : after.mean - before.mean,
    latencyEvidence: describeLatency(gathered, symptom, before, after, book),
    machines: readMachines(gathered, services, book),
    book,
  };
}

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
): string {
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

function describeExemplars(file: CaseFile): void {
  const { exemplars, windows } = file.gathered;
  if (exemplars === null) return;
  for (const { traceId, durationMs } of exemplars.rows
    .filter((one) => Number.isFinite(one.durationMs))
    .slice(0, 3)) {
    file.book.add({
      kind: 'exemplar',
      subject: {
        service: file.symptom.service,
        operation: file.symptom.operation,
        instance: `trace ${traceId}`,
      },
      summary: `Trace ${traceId} took ${formatMs(durationMs)}.`,
      window: windows.incident,
      numbers: quantities(quantity('duration', durationMs, 'ms')),
      n: 1,
      source: telemetrySource(file.gathered, exemplars.query),
    });
  }
}

function gapsOf(file: CaseFile): readonly Gap[] {
  const { gathered, tree, after } = file;
  const gaps: Gap[] = [];
  if (after.requests < LEAST_REQUESTS) {
    gaps.push({
      what: `${after.requests} requests of ${gathered.symptom.operation}`,
      why: `Fewer than ${LEAST_REQUESTS} requests carry no conclusion.`,
      nextStep: 'Look back further, or wait for more traffic.',
    });
  }
  const bins = binsOf(gathered);
  if (gathered.windows.baseline === null && after.requests >= LEAST_REQUESTS) {
    gaps.push({
      what: 'A time to compare with',
      why: 'Latency stayed on one level for as far back as was asked, so only what is absolute (a machine at its limit, errors) can be told.',
      nextStep: 'Look back to a time when it was faster.',
    });
  }
  const { passed } = findShift(bins);
  if (passed !== null && gathered.windows.baseline === null) {
    gaps.push({
      what: 'A slow period that is over',
      why: `It lasted from ${new Date(passed.start).toISOString()} to ${new Date(passed.end).toISOString()}; this answer is about now.`,
      nextStep: 'Ask again with a time range that ends before it was over.',
    });
  }
  if (tree.orphanShare > MOST_ORPHANS) {
    gaps.push({
      what: 'Parents of some spans',
      why: `${Math.round(tree.orphanShare * 100)} % of the spans' time hangs below spans that were never received.`,
      nextStep: 'Check that every service on the way exports its spans and samples alike.',
    });
  }
  return gaps;
}

function latencyPoints(bins: readonly Bin[]): readonly LatencyPoint[] {
  return bins.map((bin) => ({
    time: bin.start,
    p50: bin.p50,
    p95: bin.p95,
    p99: bin.p99,
    count: bin.count,
    errors: bin.errors,
  }));
}
