import { contentId } from '../../content-hash.ts';
import type { Diagnosis, LatencyPoint } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import { askApplication } from './application-question.ts';
import type { Bin } from './bins.ts';
import { cascadeOf, operationShares } from './cascade.ts';
import type { CaseFile, Findings } from './case-file.ts';
import { askChanges, changeEvents } from './change-question.ts';
import { gapsOf } from './coverage.ts';
import { askDependencies } from './dependency-question.ts';
import { formatMs, quantities, quantity, telemetrySource } from './evidence.ts';
import { askErrors, askTraffic } from './load-question.ts';
import { askMemory } from './memory-question.ts';
import { askNetwork } from './network-question.ts';
import { binsOf, openCase } from './open-case.ts';
import { askProcessors } from './processor-question.ts';
import { isPlausible } from './statistics.ts';
import { LEAST_REQUESTS } from './symptom.ts';
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
