import { CLOUDWATCH_STATISTIC, type MetricQuery } from '../../infrastructure/model.ts';
import type { TimeWindow } from '../../telemetry/query.ts';

/**
 * Pages on which a person sees for themselves what evidence says. They are made from the structure alone, and lead
 * nowhere but to the hosts that are written here.
 */

/** Regions of the partition `aws`; China, GovCloud and the isolated ones have consoles of their own. */
const REGION = /^(?!cn-|us-gov-|us-iso|eu-isoe-)[a-z]{2}-[a-z]{4,12}-\d$/;

/** The graph of one metric in the AWS console; undefined for a region whose console is another. */
export function metricPage(
  region: string,
  { namespace, metric, dimensions, statistic }: MetricQuery,
  window: TimeWindow,
  periodSeconds: number,
): string | undefined {
  if (!REGION.test(region)) return undefined;
  const graph = {
    metrics: [
      [
        namespace,
        metric,
        ...Object.entries(dimensions)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .flat(),
        { stat: CLOUDWATCH_STATISTIC[statistic], period: periodSeconds },
      ],
    ],
    view: 'timeSeries',
    stacked: false,
    region,
    start: new Date(window.start).toISOString(),
    end: new Date(window.end).toISOString(),
  };
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#metricsV2:graph=${consoleValue(graph)}`;
}

type ConsoleValue =
  | string
  | number
  | boolean
  | readonly ConsoleValue[]
  | { readonly [key: string]: ConsoleValue };

/**
 * A value as the console's addresses hold it, which is JSURL: `~(key~'text~list~(~1~2))`. Nothing in it needs
 * percent signs, so that it survives whoever decodes and encodes an address on the way.
 */
function consoleValue(value: ConsoleValue): string {
  if (typeof value === 'string') return `~'${consoleText(value)}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `~${value}`;
  if (isList(value)) return `~(${value.map(consoleValue).join('') || '~'})`;
  const entries = Object.entries(value).map(([key, one]) => `${consoleText(key)}${consoleValue(one)}`);
  return `~(${entries.join('~')})`;
}

function isList(value: ConsoleValue): value is readonly ConsoleValue[] {
  return Array.isArray(value);
}

function consoleText(text: string): string {
  return text.replace(/[^\w.-]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `*${code.toString(16).padStart(2, '0')}`
      : `**${code.toString(16).padStart(4, '0')}`;
  });
}

const PULUMI_CLOUD = new Set(['api.pulumi.com', 'app.pulumi.com']);
/** What Pulumi allows in names, less those that an address takes for a way up. */
const PULUMI_NAME = /^(?!\.{1,2}$)[\w.-]{1,100}$/;

/**
 * The page of a stack, or of one of its updates, in Pulumi Cloud; undefined for any other backend.
 * @param fqn `organization/project/stack`
 */
export function stackPage(fqn: string, backend: string, version?: number): string | undefined {
  const host = URL.canParse(backend) ? new URL(backend) : undefined;
  if (host?.protocol !== 'https:' || !PULUMI_CLOUD.has(host.host)) return undefined;
  const names = fqn.split('/');
  if (names.length !== 3 || !names.every((name) => PULUMI_NAME.test(name))) return undefined;
  const page = `https://app.pulumi.com/${names.join('/')}`;
  return version === undefined ? page : `${page}/updates/${version}`;
}
