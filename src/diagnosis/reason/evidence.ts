import { contentId } from '../../content-hash.ts';
import type { TimeWindow } from '../../telemetry/query.ts';
import type { Evidence, EvidenceId, EvidenceSource, Quantity, QuantityUnit } from '../diagnosis.ts';
import type { Gathered, MeasuredSeries, QueryRecord } from '../gather/gathered.ts';
import { metricPage } from './evidence-links.ts';
import { rounded } from './statistics.ts';

/** Names of quantities that others look up in evidence (sizing, the panel); the rest are words alone. */
export const QUANTITY = {
  p95Before: 'P95 before',
  p95After: 'P95 now',
  meanBefore: 'mean before',
  meanAfter: 'mean now',
  rateBefore: 'requests before',
  rateAfter: 'requests now',
  utilisationBefore: 'utilisation before',
  utilisationAfter: 'utilisation now',
  ownBefore: 'own time before',
  ownAfter: 'own time now',
  cpuReserved: 'CPU reserved',
  memoryReserved: 'memory reserved',
  tasks: 'tasks',
  callsNow: 'calls now',
  callsBefore: 'calls before',
  spansLeft: 'spans left',
} as const;

/** Collects what reasoning found; the same finding twice is one piece of evidence. */
export class EvidenceBook {
  readonly #found = new Map<EvidenceId, Evidence>();

  add(draft: Omit<Evidence, 'id'>): EvidenceId {
    // The id covers what was observed and asked, not the sentence, so that rewording changes no id.
    const { summary, ...content } = draft;
    const id = contentId('ev', content);
    if (!this.#found.has(id)) this.#found.set(id, { id, ...content, summary });
    return id;
  }

  all(): readonly Evidence[] {
    return [...this.#found.values()];
  }
}

/** A number for evidence; null when there is none, which `quantities` leaves out. */
export function quantity(
  name: string,
  value: number | null | undefined,
  unit: QuantityUnit,
): Quantity | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  return { name, value: unit === 'epoch-ms' ? Math.round(value) : rounded(value), unit };
}

export function quantities(...all: readonly (Quantity | null)[]): readonly Quantity[] {
  return all.filter((one) => one !== null);
}

export function telemetrySource(gathered: Gathered, query: QueryRecord): EvidenceSource {
  return {
    from: 'telemetry',
    store: gathered.store,
    dataset: gathered.dataset,
    query: { ...query.spec, window: query.window },
    ...(query.url === undefined ? {} : { url: query.url }),
  };
}

export function metricsSource(gathered: Gathered, series: MeasuredSeries): EvidenceSource {
  const { id: _position, ...query } = series.query;
  const { metrics } = gathered;
  const url =
    metrics?.fromAws === true
      ? metricPage(metrics.region, series.query, metrics.window, metrics.periodSeconds)
      : undefined;
  return {
    from: 'metrics',
    store: metrics?.store ?? '',
    region: metrics?.region ?? '',
    query: { ...query, window: metrics?.window, periodSeconds: metrics?.periodSeconds },
    ...(url === undefined ? {} : { url }),
  };
}

/** What a stack's state or history says; `urn`: of that resource, `page`: where a person can read it. */
export function stackSource(
  stack: string,
  { urn, page }: { readonly urn?: string | undefined; readonly page: string | undefined },
): EvidenceSource {
  return {
    from: 'stack',
    stack,
    ...(urn === undefined ? {} : { urn }),
    ...(page === undefined ? {} : { url: page }),
  };
}

/** What telemetry holds may have many lines and no end. */
export function oneLine(text: string, longest: number): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}

/** A duration for a sentence: three significant digits, in ms below ten seconds. */
export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

export function formatPercent(percent: number): string {
  return `${Number(percent.toPrecision(3))} %`;
}

export function formatShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function formatRate(perSecond: number): string {
  return `${Number(perSecond.toPrecision(3))}/s`;
}

export function seconds(window: TimeWindow): number {
  return Math.max(0, (window.end - window.start) / 1000);
}
