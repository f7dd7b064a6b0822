import { z } from 'zod';
import { type Cause, type Diagnosis, SIZING_KINDS, type Target } from '../../diagnosis/diagnosis.ts';
import { Problem } from '../../problem.ts';
import { iso, line, rounded } from '../answer.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { intervalInput, lookbackInput, nameInput, windowOf } from './window.ts';

export const diagnose = defineTool({
  name: 'diagnose',
  title: 'Diagnose latency',
  description:
    'Why is it slow? Compares telemetry with metrics and the Pulumi stack, and answers with a verdict, causes, what was ruled out, gaps and evidence ids. Without service, the worst operation is taken. The slow time is found, or given: incident and good times, as from/to. Up to a minute.',
  input: z.strictObject({
    service: nameInput.optional(),
    operation: nameInput.optional(),
    lookbackMinutes: lookbackInput,
    incident: intervalInput.optional(),
    good: z.array(intervalInput).min(1).max(6).optional(),
  }),
  output: z.object({
    diagnosisId: z.string(),
    verdict: z.enum(['cause', 'nothing-wrong', 'infrastructure-is-not-the-cause', 'undetermined']),
    headline: z.string(),
    sentences: z.array(z.string()),
    symptom: z.looseObject({}).nullable(),
    causes: z.array(
      z.looseObject({ kind: z.string(), confidence: z.number(), evidence: z.array(z.string()) }),
    ),
    cascade: z.array(z.string()).describe('From cause to symptom'),
    ruledOut: z.array(z.looseObject({ kind: z.string(), reason: z.string() })),
    comparison: z
      .array(z.looseObject({ attribute: z.string(), value: z.string().nullable(), evidence: z.string() }))
      .describe('Commoner among slow requests: shares of slow and others, 0…1'),
    gaps: z.array(z.looseObject({ what: z.string(), why: z.string() })),
    evidence: z.array(z.looseObject({ id: z.string(), summary: z.string() })),
    changes: z.array(z.string()),
    requests: z.number().describe('Queries it cost'),
    nextStep: z.string(),
    cut: z.array(z.string()).optional(),
  }),
  annotations: READ_ONLY,
  shortenable: ['changes', 'sentences', 'ruledOut', 'gaps', 'evidence', 'comparison', 'cascade', 'causes'],
  async handler(input, { runtime, signal, progress }) {
    const { incident, good } = input;
    if ((incident === undefined) !== (good === undefined)) {
      throw new Problem(
        'bad-input',
        'An incident is compared with good times: one was given without the other.',
        'Give both, or neither, and the slow time is searched for.',
      );
    }
    const windows =
      incident === undefined || good === undefined
        ? undefined
        : { incident: windowOf(incident), baselines: good.map(windowOf) };
    const { diagnosis, headline, sentences } = await runtime.diagnose(
      {
        lookbackMinutes: input.lookbackMinutes ?? runtime.lookbackMinutes,
        ...(input.service === undefined ? {} : { service: input.service }),
        ...(input.operation === undefined ? {} : { operation: input.operation }),
        ...(windows === undefined ? {} : { windows }),
      },
      signal,
      progress,
    );
    return {
      diagnosisId: diagnosis.id,
      verdict: diagnosis.verdict,
      headline: line(headline),
      sentences: sentences.map((sentence) => line(sentence, 400)),
      symptom: symptomOf(diagnosis),
      causes: diagnosis.causes.map((cause) => ({
        kind: cause.kind,
        target: targetOf(cause.target),
        share: cause.share === null ? null : rounded(cause.share),
        confidence: rounded(cause.confidence),
        evidence: [...cause.evidence],
      })),
      cascade: diagnosis.cascade.map(targetInWords),
      ruledOut: diagnosis.ruledOut.map((ruled) => ({
        kind: ruled.kind,
        target: targetInWords(ruled.target),
        reason: line(ruled.reason, 250),
        evidence: [...ruled.evidence],
      })),
      comparison: diagnosis.comparison.map((compared) => ({
        attribute: line(compared.attribute, 100),
        value: compared.value === null ? null : line(compared.value, 100),
        slow: rounded(compared.shareSlow),
        others: rounded(compared.shareOthers),
        evidence: compared.evidence,
      })),
      gaps: diagnosis.gaps.map((gap) => ({
        what: line(gap.what, 200),
        why: line(gap.why, 250),
        nextStep: line(gap.nextStep, 250),
      })),
      evidence: diagnosis.evidence.map((item) => ({
        id: item.id,
        kind: item.kind,
        summary: line(item.summary, 250),
      })),
      changes: diagnosis.changes.map(
        (change) => `${iso(change.time)} ${change.kind} ${line(change.title, 120)}`,
      ),
      requests: diagnosis.requests,
      nextStep: nextStepOf(diagnosis),
    };
  },
});

function symptomOf({ symptom, incident, baseline }: Diagnosis) {
  if (!symptom) return null;
  return {
    service: line(symptom.service, 120),
    operation: line(symptom.operation, 160),
    p95BeforeMs: symptom.p95Before === null ? null : rounded(symptom.p95Before),
    p95AfterMs: rounded(symptom.p95After),
    began: symptom.onset === null ? null : iso(symptom.onset.time),
    window: `${iso(incident.start)}/${iso(incident.end)}`,
    baseline: baseline === null ? null : `${iso(baseline.start)}/${iso(baseline.end)}`,
  };
}

function targetOf(target: Target): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .map(([key, value]) => [key, line(value, 300)]),
  );
}

/** "chatbot › rag.llm_generation › gpt-4o (dependency)": a target without its URN, for lists. */
function targetInWords(target: Target): string {
  const parts = [target.service, target.operation, target.instance, target.dependency, target.property];
  return line(parts.filter((part) => part !== undefined).join(' › '), 200);
}

function nextStepOf({ verdict, causes }: Diagnosis): string {
  const best: Cause | undefined = causes[0];
  switch (verdict) {
    case 'cause':
      return best && SIZING_KINDS.has(best.kind)
        ? 'Read the evidence, then propose_patch with kind "sizing" and this diagnosisId.'
        : 'Read the evidence with get_evidence; read_program and propose_patch with edits if the program can help.';
    case 'infrastructure-is-not-the-cause':
      return 'A larger machine would not help; say so, and look at the cause named.';
    case 'nothing-wrong':
      return 'Nothing to change. Ask again with a longer lookback if the slowness was earlier.';
    case 'undetermined':
      return 'Close the gaps listed, then diagnose again.';
  }
}
