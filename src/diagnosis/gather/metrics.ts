import { planMetrics } from '../../infrastructure/aws/metric-queries.ts';
import type { MetricsSource, StackSnapshot } from '../../infrastructure/model.ts';
import type { MachineLocation } from '../../infrastructure/workloads.ts';
import { toProblem } from '../../problem.ts';
import type { TimeWindow } from '../../telemetry/query.ts';
import type { Gap } from '../diagnosis.ts';
import { hullOf } from '../reason/windows.ts';
import type { GatheredMetrics, MeasuredSeries } from './gathered.ts';

/** A store of machine metrics that goes by the telemetry's own names of services: Prometheus beside a mesh, a recording. */
export interface ServiceMetrics {
  readonly name: string;
  /** Utilisation in percent of what each service (each of its copies) may use, as series of their own. */
  measure(
    services: readonly string[],
    windows: readonly TimeWindow[],
    signal: AbortSignal,
  ): Promise<GatheredMetrics>;
}

export interface MetricsAnswer {
  readonly metrics: GatheredMetrics | null;
  readonly gaps: readonly Gap[];
}

/** Asks for all machine metrics in one batch. Missing ones become gaps: no data never means healthy. */
export async function gatherMetrics(
  source: MetricsSource | ServiceMetrics | null,
  services: readonly string[],
  locations: readonly MachineLocation[],
  snapshots: readonly StackSnapshot[],
  windows: readonly TimeWindow[],
  signal: AbortSignal,
): Promise<MetricsAnswer> {
  const gap = (why: string, nextStep: string): MetricsAnswer => ({
    metrics: null,
    gaps: [{ what: 'Machine metrics', why, nextStep }],
  });
  if (source === null) {
    return gap('No metrics source is set up.', 'Set the AWS region and profile in the settings.');
  }
  if ('measure' in source) {
    try {
      return { metrics: await source.measure(services, windows, signal), gaps: [] };
    } catch (thrown) {
      signal.throwIfAborted();
      const { message, nextStep } = toProblem(thrown);
      return gap(message, nextStep);
    }
  }
  const planned = planMetrics(locations, snapshots);
  if (planned.length === 0) {
    return gap(
      'Nothing in the telemetry or the stack says which machines to ask about.',
      'Turn on the resource detector of the OpenTelemetry SDK, or open the Pulumi project.',
    );
  }
  try {
    const batch = await source.batch(
      planned.map(({ query }) => query),
      hullOf(windows),
      signal,
    );
    const byId = new Map(batch.series.map((series) => [series.id, series]));
    const series = planned.map(
      ({ query, measurand, service, urn }): MeasuredSeries & { message?: string } => {
        const found = byId.get(query.id);
        return {
          query,
          measurand,
          service,
          urn,
          statistic: query.statistic,
          status: found?.status ?? 'no-data',
          points: found?.points ?? [],
          ...(found?.message === undefined ? {} : { message: found.message }),
        };
      },
    );
    return {
      metrics: {
        store: source.name,
        region: batch.region,
        fromAws: batch.fromAws ?? false,
        window: batch.window,
        periodSeconds: batch.periodSeconds,
        series: series.map(({ message: _, ...rest }) => rest),
      },
      gaps: [
        ...series.flatMap((one) => gapOf(one, batch.region)),
        ...locations.flatMap((location) => elsewhere(location, batch.region)),
      ],
    };
  } catch (thrown) {
    signal.throwIfAborted();
    const { message, nextStep } = toProblem(thrown);
    return gap(message, nextStep);
  }
}

function gapOf(series: MeasuredSeries & { readonly message?: string }, region: string): readonly Gap[] {
  if (series.status === 'complete' || series.statistic !== 'average') return [];
  const owner = series.service ?? series.urn?.split('::').at(-1) ?? '';
  const reasons: Readonly<Record<Exclude<MeasuredSeries['status'], 'complete'>, string>> = {
    partial: 'Only a part of the points came.',
    forbidden: 'The credentials may not read it.',
    'no-data': `There are no points of ${series.query.namespace} ${series.query.metric} in ${region} for this time.`,
    error: 'The metrics store could not answer.',
  };
  return [
    {
      what: `${series.measurand === 'cpu' ? 'CPU' : 'Memory'} of ${owner}`,
      why: [reasons[series.status], series.message].filter(Boolean).join(' '),
      nextStep:
        series.status === 'forbidden'
          ? 'Allow cloudwatch:GetMetricData to this profile.'
          : series.status === 'no-data'
            ? 'Check region and profile; metrics of ECS appear a minute or two late.'
            : 'Try again in a minute.',
    },
  ];
}

function elsewhere(location: MachineLocation, region: string): readonly Gap[] {
  if (location.region === region) return [];
  return [
    {
      what: `Metrics of ${location.service}`,
      why: `It runs in ${location.region}; metrics were read in ${region}.`,
      nextStep: `Set the AWS region to ${location.region}.`,
    },
  ];
}
