import { z } from 'zod';
import { AwsError } from '../aws-error.ts';
import type { AwsOperations } from '../wire.ts';
import { ApiInput, pageOf } from '../wire.ts';
import type { Dimensions, MetricStore, Statistic } from './metric-store.ts';

const MAX_QUERIES = 500;
const DEFAULT_MAX_DATAPOINTS = 100_800;
const METRICS_PER_PAGE = 500;

const DimensionList = z.array(z.object({ Name: z.string(), Value: z.string().optional() })).default([]);

const MetricStat = z.object({
  Metric: z.object({ Namespace: z.string(), MetricName: z.string(), Dimensions: DimensionList }),
  Period: z.int(),
  Stat: z.string(),
  Unit: z.string().optional(),
});

const GetMetricData = z.looseObject({
  MetricDataQueries: z
    .array(
      z.looseObject({
        Id: z.string().regex(/^[a-z][a-zA-Z0-9_]*$/, 'an Id starts with a lower-case letter'),
        MetricStat: MetricStat.optional(),
        Expression: z.string().optional(),
        Label: z.string().optional(),
        ReturnData: z.boolean().default(true),
      }),
    )
    .min(1),
  StartTime: z.number(),
  EndTime: z.number(),
  ScanBy: z.enum(['TimestampAscending', 'TimestampDescending']).default('TimestampDescending'),
  MaxDatapoints: z.int().min(1).max(DEFAULT_MAX_DATAPOINTS).default(DEFAULT_MAX_DATAPOINTS),
  NextToken: z.string().optional(),
});

const ListMetrics = z.looseObject({
  Namespace: z.string().optional(),
  MetricName: z.string().optional(),
  Dimensions: DimensionList,
  NextToken: z.string().optional(),
});

const GetMetricStatistics = z.looseObject({
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: DimensionList,
  StartTime: z.number(),
  EndTime: z.number(),
  Period: z.int(),
  Statistics: z.array(z.string()).default([]),
  ExtendedStatistics: z.array(z.string()).default([]),
  Unit: z.string().optional(),
});

const input = new ApiInput('InvalidParameterValue');

/** The part of CloudWatch that reads metrics. */
export function metricApi(store: MetricStore): AwsOperations {
  return {
    GetMetricData: (body) => getMetricData(store, input.parse(GetMetricData, body)),
    GetMetricStatistics: (body) => getMetricStatistics(store, input.parse(GetMetricStatistics, body)),
    ListMetrics: (body) => listMetrics(store, input.parse(ListMetrics, body)),
  };
}

function getMetricData(store: MetricStore, request: z.infer<typeof GetMetricData>): object {
  const { MetricDataQueries: queries, StartTime: start, EndTime: end } = request;
  if (queries.length > MAX_QUERIES) {
    throw invalid(`The collection MetricDataQueries must not have a size greater than ${MAX_QUERIES}.`);
  }
  if (start >= end) throw invalid('The parameter StartTime must be less than the parameter EndTime.');
  const points = queries.flatMap((query) => {
    if (query.MetricStat === undefined) {
      throw invalid(
        `The emulated cloud (not Amazon's) has no metric math: query ${query.Id} needs a MetricStat.`,
      );
    }
    const { Metric, Period, Stat, Unit } = query.MetricStat;
    const values = store.query(
      {
        namespace: Metric.Namespace,
        name: Metric.MetricName,
        dimensions: dimensionsOf(Metric.Dimensions),
        unit: Unit,
      },
      statistic(Stat),
      { start: start * 1000, end: end * 1000, period: validPeriod(Period) * 1000 },
    );
    if (request.ScanBy === 'TimestampDescending') values.reverse();
    return query.ReturnData ? values.map((value) => ({ id: query.Id, ...value })) : [];
  });
  const page = pageOf(points, request.MaxDatapoints, request.NextToken);
  return {
    MetricDataResults: queries
      .filter((query) => query.ReturnData)
      .map((query) => {
        const own = page.items.filter((point) => point.id === query.Id);
        const more = page.rest.some((point) => point.id === query.Id);
        return {
          Id: query.Id,
          Label: query.Label ?? query.MetricStat?.Metric.MetricName,
          Timestamps: own.map((point) => point.timestamp / 1000),
          Values: own.map((point) => point.value),
          StatusCode: more ? 'PartialData' : 'Complete',
        };
      }),
    Messages: [],
    NextToken: page.nextToken,
  };
}

function getMetricStatistics(store: MetricStore, request: z.infer<typeof GetMetricStatistics>): object {
  const { Namespace, MetricName, Dimensions, Unit, StartTime: start, EndTime: end } = request;
  if (start >= end) throw invalid('The parameter StartTime must be less than the parameter EndTime.');
  const metric = { namespace: Namespace, name: MetricName, dimensions: dimensionsOf(Dimensions), unit: Unit };
  const range = { start: start * 1000, end: end * 1000, period: validPeriod(request.Period) * 1000 };
  const datapoints = new Map<number, Record<string, unknown>>();
  const collect = (stat: string, put: (datapoint: Record<string, unknown>, value: number) => void) => {
    for (const { timestamp, value } of store.query(metric, statistic(stat), range)) {
      const datapoint = datapoints.get(timestamp) ?? {
        Timestamp: timestamp / 1000,
        Unit: store.unitOf(metric),
      };
      datapoints.set(timestamp, datapoint);
      put(datapoint, value);
    }
  };
  for (const stat of request.Statistics) {
    collect(stat, (datapoint, value) => {
      datapoint[stat] = value;
    });
  }
  for (const stat of request.ExtendedStatistics) {
    collect(stat, (datapoint, value) => {
      datapoint['ExtendedStatistics'] = {
        ...(datapoint['ExtendedStatistics'] as object | undefined),
        [stat]: value,
      };
    });
  }
  return { Label: MetricName, Datapoints: [...datapoints.values()] };
}

function listMetrics(store: MetricStore, request: z.infer<typeof ListMetrics>): object {
  const found = store.metrics.filter(
    (metric) =>
      (request.Namespace === undefined || metric.namespace === request.Namespace) &&
      (request.MetricName === undefined || metric.name === request.MetricName) &&
      request.Dimensions.every(({ Name, Value }) => {
        const value = metric.dimensions[Name];
        return value !== undefined && (Value === undefined || Value === value);
      }),
  );
  const page = pageOf(found, METRICS_PER_PAGE, request.NextToken);
  return {
    Metrics: page.items.map((metric) => ({
      Namespace: metric.namespace,
      MetricName: metric.name,
      Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
    })),
    NextToken: page.nextToken,
  };
}

function dimensionsOf(list: z.infer<typeof DimensionList>): Dimensions {
  return Object.fromEntries(list.map(({ Name, Value }) => [Name, Value ?? '']));
}

function statistic(name: string): Statistic {
  if (/^(Average|Sum|Minimum|Maximum|SampleCount)$/.test(name)) return name as Statistic;
  const percent = /^p(\d{1,2}(?:\.\d+)?|100)$/.exec(name);
  if (percent !== null) return name as Statistic;
  throw invalid(`The value ${name} for parameter Stat is not supported.`);
}

/** Seconds: 1, 5, 10, 20, 30 or a multiple of 60. */
function validPeriod(seconds: number): number {
  if ([1, 5, 10, 20, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0)) return seconds;
  throw invalid('The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.');
}

function invalid(message: string): AwsError {
  return new AwsError('InvalidParameterValue', message);
}
