import type { GatheredMetrics, MeasuredSeries } from '../../src/diagnosis/gather/gathered.ts';
import type { ServiceMetrics } from '../../src/diagnosis/gather/metrics.ts';
import { groupBy } from '../../src/diagnosis/reason/grouping.ts';
import type { MetricPoint } from './engine.ts';

const MINUTE = 60;

/** The readings of a data set as the product's port for metrics that go by names of services. */
export function recordedMetrics(points: readonly MetricPoint[]): ServiceMetrics {
  return {
    name: 'recorded metrics',
    measure: async (services, windows): Promise<GatheredMetrics> => {
      const known = new Set(services);
      return {
        store: 'recorded metrics',
        region: '',
        window: {
          start: Math.min(...windows.map(({ start }) => start)),
          end: Math.max(...windows.map(({ end }) => end)),
        },
        periodSeconds: periodOf(points),
        series: (['cpu', 'memory'] as const).flatMap((measurand) =>
          seriesOf(
            points.filter(({ service, use }) => known.has(service) && use?.measurand === measurand),
            measurand,
          ),
        ),
      };
    },
  };
}

/** One series for each copy of a service and each metric, in percent. */
function seriesOf(points: readonly MetricPoint[], measurand: 'cpu' | 'memory'): readonly MeasuredSeries[] {
  const byCopy = groupBy(points, ({ service, instance, metric }) =>
    JSON.stringify([service, instance, metric]),
  );
  return [...byCopy].flatMap(([id, copy]): readonly MeasuredSeries[] => {
    const [first] = copy;
    if (first === undefined) return [];
    const { service, instance, metric } = first;
    return [
      {
        measurand,
        statistic: 'average',
        service,
        urn: null,
        query: {
          id,
          namespace: 'recording',
          metric,
          dimensions: { service, ...(instance === null ? {} : { instance }) },
          statistic: 'average',
          unit: 'percent',
        },
        status: 'complete',
        points: copy
          .map(({ time, use }) => ({ time: time * 1000, value: use?.percent ?? Number.NaN }))
          .sort((a, b) => a.time - b.time),
      },
    ];
  });
}

function periodOf(points: readonly MetricPoint[]): number {
  const times = [...new Set(points.map(({ time }) => time))].sort((a, b) => a - b);
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return steps.length > 0 ? Math.min(...steps) : MINUTE;
}
