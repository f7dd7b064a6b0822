import type {
  GetMetricDataCommandOutput,
  MetricDataQuery,
  MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { TimeWindow } from '../../telemetry/query.ts';
import {
  CLOUDWATCH_STATISTIC,
  type MetricBatch,
  type MetricQuery,
  type MetricSeries,
  type MetricsSource,
} from '../model.ts';
import { type AwsIdentity, awsProblem } from './aws-problems.ts';
import { clientSettings } from './client-settings.ts';

/** GetMetricData takes at most this many queries in a call. */
const QUERIES_PER_CALL = 500;
/** A loop of NextTokens longer than this is a fault on the other side. */
const MOST_PAGES = 200;

/** CloudWatch as a source of metrics. Region and profile are given, never guessed. */
export class CloudWatchMetrics implements MetricsSource {
  readonly name: string;
  readonly #identity: AwsIdentity;
  readonly #now: () => number;

  constructor(identity: AwsIdentity, now: () => number = Date.now) {
    this.#identity = identity;
    this.#now = now;
    this.name = `CloudWatch ${identity.region}${identity.profile === undefined ? '' : ` (${identity.profile})`}`;
  }

  /**
   * All series of one window (epoch milliseconds; widened to whole periods). Each says by itself whether it is
   * complete, partial, forbidden or without data; a Problem is thrown only when the call as a whole failed.
   */
  async batch(
    queries: readonly MetricQuery[],
    window: TimeWindow,
    signal?: AbortSignal,
  ): Promise<MetricBatch> {
    const periodSeconds = periodFor(window, this.#now());
    const widened = widen(window, periodSeconds * 1000);
    const series: MetricSeries[] = [];
    let fromAws = false;
    try {
      signal?.throwIfAborted();
      const [{ CloudWatchClient, GetMetricDataCommand }, settings] = await Promise.all([
        import('@aws-sdk/client-cloudwatch'),
        clientSettings(this.#identity),
      ]);
      const client = new CloudWatchClient(settings);
      client.middlewareStack.add(
        (next) => async (args) => {
          fromAws = isAwsHost(hostOf(args.request));
          return next(args);
        },
        { step: 'finalizeRequest', name: 'noteHost' },
      );
      try {
        for (let from = 0; from < queries.length; from += QUERIES_PER_CALL) {
          const part = queries.slice(from, from + QUERIES_PER_CALL);
          const pages: GetMetricDataCommandOutput[] = [];
          let token: string | undefined;
          do {
            const command = new GetMetricDataCommand({
              MetricDataQueries: part.map((query, index) => toWire(query, index, periodSeconds)),
              StartTime: new Date(widened.start),
              EndTime: new Date(widened.end),
              ScanBy: 'TimestampAscending',
              ...(token === undefined ? {} : { NextToken: token }),
            });
            const page = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
            pages.push(page);
            token = page.NextToken;
          } while (token !== undefined && pages.length < MOST_PAGES);
          series.push(...part.map((query, index) => collect(query, index, pages, token !== undefined)));
        }
      } finally {
        client.destroy();
      }
    } catch (thrown) {
      throw awsProblem(
        signal?.aborted ? abortError(thrown) : thrown,
        'metrics from CloudWatch',
        this.#identity,
      );
    }
    return { region: this.#identity.region, fromAws, window: widened, periodSeconds, series };
  }
}

/**
 * Whether it is AWS that is asked: the environment or the profile may name an endpoint of its own (AWS_ENDPOINT_URL),
 * and the AWS console knows nothing of what answers there.
 */
export function isAwsHost(host: string): boolean {
  return host.endsWith('.amazonaws.com');
}

function hostOf(request: unknown): string {
  const host =
    typeof request === 'object' && request !== null && 'hostname' in request ? request.hostname : '';
  return typeof host === 'string' ? host : '';
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Seconds in a point. CloudWatch keeps points of less than a minute for 3 hours, of one minute for 15 days and of
 * five minutes for 63; what was published by the minute comes by the minute whatever is asked. Short windows ask for
 * 10 s so that stores which hold such points can show more than one of them.
 */
export function periodFor(window: TimeWindow, now: number): number {
  const age = now - window.start;
  if (age > 63 * DAY) return 3600;
  if (age > 15 * DAY) return 300;
  const length = window.end - window.start;
  if (length < 0.25 * HOUR && age < 3 * HOUR) return 10;
  // A chart has use for some hundred points: one minute up to 12 hours, then more.
  return Math.max(60, Math.ceil(length / 720 / 60_000) * 60);
}

function widen(window: TimeWindow, period: number): TimeWindow {
  return {
    start: Math.floor(window.start / period) * period,
    end: Math.ceil(window.end / period) * period,
  };
}

/** A unit is left out on purpose: a metric published with another one would answer with nothing and no reason. */
function toWire(query: MetricQuery, index: number, periodSeconds: number): MetricDataQuery {
  return {
    Id: idOf(index),
    MetricStat: {
      Metric: {
        Namespace: query.namespace,
        MetricName: query.metric,
        Dimensions: Object.entries(query.dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: periodSeconds,
      Stat: CLOUDWATCH_STATISTIC[query.statistic],
    },
  };
}

/** Ids must start with a lower-case letter; the caller's own may not. */
function idOf(index: number): string {
  return `q${index}`;
}

function collect(
  query: MetricQuery,
  index: number,
  pages: readonly GetMetricDataCommandOutput[],
  cut: boolean,
): MetricSeries {
  const results = pages
    .flatMap((page) => page.MetricDataResults ?? [])
    .filter((one) => one.Id === idOf(index));
  const points = results.flatMap((result) => pointsOf(result)).sort((a, b) => a.time - b.time);
  const messages = [
    ...results.flatMap((result) => result.Messages ?? []),
    ...pages.flatMap((page) => page.Messages ?? []),
  ].flatMap((message) => message.Value ?? message.Code ?? []);
  const message = [...new Set(messages)].join(' ').slice(0, 500);
  return {
    id: query.id,
    query,
    points,
    status: statusOf(results, points.length, cut),
    ...(message === '' ? {} : { message }),
  };
}

function pointsOf(result: MetricDataResult): { time: number; value: number }[] {
  return (result.Timestamps ?? []).flatMap((timestamp, index) => {
    const value = result.Values?.[index];
    return value !== undefined && Number.isFinite(value) ? [{ time: timestamp.getTime(), value }] : [];
  });
}

/** The last page's word counts: PartialData on an earlier page only says that more was to come. */
function statusOf(
  results: readonly MetricDataResult[],
  points: number,
  cut: boolean,
): MetricSeries['status'] {
  const codes = results.map((result) => result.StatusCode);
  if (codes.includes('Forbidden')) return 'forbidden';
  if (codes.includes('InternalError')) return points > 0 ? 'partial' : 'error';
  if (cut || codes.at(-1) === 'PartialData') return 'partial';
  return points > 0 ? 'complete' : 'no-data';
}

function abortError(cause: unknown): Error {
  return Object.assign(new Error('Cancelled.', { cause }), { name: 'AbortError' });
}
