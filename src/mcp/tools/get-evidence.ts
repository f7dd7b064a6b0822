import { z } from 'zod';
import type { Evidence } from '../../diagnosis/diagnosis.ts';
import { Problem } from '../../problem.ts';
import { iso, line, plain, rounded } from '../answer.ts';
import type { Runtime } from '../runtime.ts';
import { defineTool, READ_ONLY } from '../tool.ts';

export const getEvidence = defineTool({
  name: 'get_evidence',
  title: 'Read evidence',
  description:
    'One piece of evidence of a diagnosis: its numbers, window, sample size and the query behind it.',
  input: z.strictObject({ diagnosisId: z.string().max(64), evidenceId: z.string().max(64) }),
  output: z.object({
    id: z.string(),
    kind: z.string(),
    summary: z.string(),
    subject: z.looseObject({ service: z.string() }),
    window: z.string(),
    baseline: z.string().optional(),
    numbers: z.array(z.looseObject({ name: z.string(), value: z.number(), unit: z.string() })),
    n: z.number(),
    source: z.looseObject({ from: z.string() }),
    url: z.string().optional().describe('Page for a person'),
    citedBy: z.array(z.string()),
    cut: z.array(z.string()).optional(),
  }),
  annotations: READ_ONLY,
  shortenable: ['numbers', 'citedBy'],
  async handler({ diagnosisId, evidenceId }, { runtime }) {
    const diagnosis = remembered(runtime, diagnosisId);
    const evidence = diagnosis.evidence.find((item) => item.id === evidenceId);
    if (!evidence) {
      throw new Problem(
        'not-found',
        `Diagnosis ${diagnosisId} has no evidence ${line(evidenceId, 64)}.`,
        `Its evidence is ${
          diagnosis.evidence
            .slice(0, 20)
            .map((item) => item.id)
            .join(', ') || 'empty'
        }.`,
      );
    }
    return {
      id: evidence.id,
      kind: evidence.kind,
      summary: line(evidence.summary, 600),
      subject: { ...lines(evidence.subject), service: line(evidence.subject.service) },
      window: between(evidence.window),
      ...(evidence.baseline ? { baseline: between(evidence.baseline) } : {}),
      numbers: evidence.numbers.map((quantity) => ({
        name: line(quantity.name, 80),
        value: rounded(quantity.value, 4),
        unit: quantity.unit,
      })),
      n: evidence.n,
      source: sourceOf(evidence),
      ...(evidence.source.url?.startsWith('https://') ? { url: plain(evidence.source.url, 2_000) } : {}),
      citedBy: [
        ...diagnosis.causes.filter((c) => c.evidence.includes(evidenceId)).map((c) => `cause ${c.kind}`),
        ...diagnosis.ruledOut
          .filter((r) => r.evidence.includes(evidenceId))
          .map((r) => `ruled out ${r.kind}`),
        ...diagnosis.comparison
          .filter((c) => c.evidence === evidenceId)
          .map((c) => `comparison ${line(c.attribute, 100)}`),
      ],
    };
  },
});

/** The diagnosis of that id, or what to do to get it. */
export function remembered(runtime: Runtime, diagnosisId: string) {
  const diagnosis = runtime.diagnosis(diagnosisId);
  if (diagnosis) return diagnosis;
  throw new Problem(
    'not-found',
    `No diagnosis ${line(diagnosisId, 64)} was made by this server, or it is too long ago.`,
    'Call diagnose and use the diagnosisId that it answers.',
  );
}

function sourceOf({ source }: Evidence) {
  if (source.from === 'stack') {
    const { url: _, ...rest } = source;
    return { ...lines(rest), from: source.from };
  }
  const { query, url: _, ...rest } = source;
  return { ...lines(rest), from: source.from, query: plain(JSON.stringify(query) ?? '', 1_500) };
}

/** An object of texts, each on one line and not too long. */
function lines(texts: object): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, line(String(text))]));
}

function between(window: { readonly start: number; readonly end: number }): string {
  return `${iso(window.start)}/${iso(window.end)}`;
}
