import type { GatheredMetrics, MeasuredSeries } from '../../src/diagnosis/gather/gathered.ts';
import type { ServiceMetrics } from '../../src/diagnosis/gather/metrics.ts';
import { groupBy } from '../../src/diagnosis/reason/grouping.ts';
import type { MetricPoint } from './engine.ts';

/** Where data sets leave it open whether a share or a percentage is meant: shares don't exceed this. */
const MOST_OF_A_SHARE = 1.5;
const MINUTE = 60;

/** Use of the service's own reservation; the node's belongs to all on it, and what was reserved or held back is no use. */
const USE = /(?:^|[_.\- ])(?:cpu|mem|memory)$|util|usage|used|percent/i;
const NO_USE = /node|host|limit|request|reserv|quota|throttl/i;
const MEASURANDS = { cpu: /cpu/i, memory: /mem/i } as const;

function isUse(metric: string, measurand: keyof typeof MEASURANDS): boolean {
  return MEASURANDS[measurand].test(metric) && USE.test(metric) && !NO_USE.test(metric);
}

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
            points.filter(({ service, metric }) => known.has(service) && isUse(metric, measurand)),
            measurand,
          ),
        ),
      };
    },
  };
}

/** One series for each copy of a service and each metric, in percent. */
function seriesOf(points: readonly MetricPoint[], measurand: 'cpu' | 'memory'): readonly MeasuredSeries[] {
  const scale = points.some((point) => point.value > MOST_OF_A_SHARE) ? 1 : 100;
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
          .map(({ time, value }) => ({ time: time * 1000, value: value * scale }))
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
