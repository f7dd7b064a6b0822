import type { Diagnosis, LatencyPoint, ProposalView } from '../workflow/messages.ts';

/** What the chart draws, worked out of the state without touching the page. */

export interface Mark {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly label: string;
  readonly kind: 'onset' | 'change' | 'deployment';
}

export interface ChartData {
  readonly points: readonly LatencyPoint[];
  readonly marks: readonly Mark[];
  /** The window of the slowdown, shaded. */
  readonly incident: { readonly start: number; readonly end: number } | null;
}

/** Joins the diagnosis' latency with what came after it, and gathers the moments worth a line. */
export function chartData(diagnosis: Diagnosis, proposals: readonly ProposalView[]): ChartData {
  const last = diagnosis.latency.at(-1)?.time ?? Number.NEGATIVE_INFINITY;
  const newest = proposals.find((p) => p.latencySince !== undefined && p.latencySince.length > 0);
  const since = (newest?.latencySince ?? []).filter((p) => p.time > last);
  const points = [...diagnosis.latency, ...since];
  const onset = diagnosis.symptom?.onset;
  const marks: Mark[] = diagnosis.changes.map(({ time, title }) => ({ time, label: title, kind: 'change' }));
  if (onset) marks.push({ time: onset.time, label: 'slower from here', kind: 'onset' });
  for (const { deployedAt } of proposals) {
    if (deployedAt !== null) marks.push({ time: deployedAt, label: 'fix deployed', kind: 'deployment' });
  }
  return {
    points,
    marks: marks.sort((a, b) => a.time - b.time),
    incident: onset ? { start: onset.time, end: diagnosis.incident.end } : null,
  };
}

/** The range of the time axis: the points, and marks that lie not further off than a quarter of their span. */
export function timeRange({ points, marks }: ChartData): readonly [number, number] {
  const first = points[0]?.time ?? 0;
  const last = points.at(-1)?.time ?? first + 1;
  const reach = (last - first) / 4;
  const near = marks.map((m) => m.time).filter((t) => t >= first - reach && t <= last + reach);
  return [Math.min(first, ...near), Math.max(last, ...near)];
}

/**
 * Rows for the labels of marks, so that none covers another: each gets the first row whose last label ends before it.
 * `width` is a label's width and `x` its left end, in the same unit.
 */
export function labelRows(
  labels: readonly { readonly x: number; readonly width: number }[],
): readonly number[] {
  const ends: number[] = [];
  return labels.map(({ x, width }) => {
    const free = ends.findIndex((end) => end <= x);
    const row = free === -1 ? ends.length : free;
    ends[row] = x + width;
    return row;
  });
}
