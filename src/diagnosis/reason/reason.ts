import { contentId } from '../../content-hash.ts';
import type { Diagnosis, Gap, LatencyPoint, RuledOut } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import type { Bin } from './bins.ts';
import { cascadeOf, operationShares } from './cascade.ts';
import type { Candidate, CaseFile, Findings } from './case-file.ts';
import { askChanges } from './change-question.ts';
import { compareRequests } from './comparison.ts';
import { isEnough, mostConfidence } from './consistency.ts';
import { gapsOf } from './coverage.ts';
import { askDependencies } from './dependency-question.ts';
import { askErrors } from './errors-question.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { askTraffic } from './load-question.ts';
import { askMemory } from './memory-question.ts';
import { changeEvents } from './moments.ts';
import { openCase } from './open-case.ts';
import { askProcessors } from './processor-question.ts';
import { isPlausible } from './statistics.ts';
import { askSuspects } from './suspects-question.ts';
import { decide, rank } from './verdict.ts';
import { baselineOf } from './windows.ts';

/** In this order: what fails, who is slow, and then, knowing whom that accuses, what the others are cleared of. */
const QUESTIONS: readonly ((file: CaseFile, found: readonly Candidate[]) => Findings)[] = [
  askErrors,
  askSuspects,
  askProcessors,
  askMemory,
  askDependencies,
  askTraffic,
  askChanges,
];

/**
 * Evidence in, diagnosis out. Pure: no clock, no I/O; equal input gives an equal answer to the byte, whatever order
 * the rows came in.
 */
export function reason(raw: Gathered): Diagnosis {
  const file = openCase(raw);
  const { gathered } = file;
  const enough = isEnough(file) || file.isSlow;
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  const gaps: Gap[] = [];
  if (enough) {
    for (const ask of QUESTIONS) {
      const found = ask(file, candidates);
      candidates.push(...found.candidates);
      ruledOut.push(...found.ruledOut);
      gaps.push(...found.gaps);
    }
  }
  const most = mostConfidence(file);
  const ranked = rank(candidates).map((one) => ({ ...one, confidence: Math.min(one.confidence, most) }));
  const { comparison, gaps: comparisonGaps } = compareRequests(file);
  describeExemplars(file);
  const verdict = enough ? decide(file, ranked) : 'undetermined';
  const content: Omit<Diagnosis, 'id'> = {
    verdict,
    symptom: file.symptom,
    causes: ranked.map(({ inStack: _, weight: _weight, ...cause }) => cause),
    cascade: cascadeOf(file, ranked[0]),
    ruledOut,
    gaps: [...gathered.gaps, ...gaps, ...comparisonGaps, ...gapsOf(file)],
    evidence: file.book.all(),
    incident: gathered.windows.incident,
    baseline: baselineOf(gathered.windows),
    latency: latencyPoints(file.bins),
    operations: operationShares(file.tree, gathered.windows.baselines.length > 0),
    comparison,
    workloads: gathered.workloads,
    changes: changeEvents(gathered),
    requests: gathered.requests,
  };
  return { id: contentId('dx', content), ...content };
}

function describeExemplars(file: CaseFile): void {
  const { exemplars, windows } = file.gathered;
  if (exemplars === null) return;
  for (const { traceId, durationMs } of exemplars.rows
    .filter((one) => isPlausible(one.durationMs))
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
