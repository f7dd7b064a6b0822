import { z } from 'zod';
import type { AwsOperations } from '../wire.ts';
import { ApiInput, pageOf } from '../wire.ts';
import { logFilter } from './log-filter.ts';
import type { LogEvent, LogGroup, LogStore, LogStream } from './log-store.ts';

const MAX_EVENTS = 10_000;

const Group = z.union([
  z.looseObject({ logGroupName: z.string() }).transform((value) => value.logGroupName),
  z
    .looseObject({ logGroupIdentifier: z.string() })
    .transform((value) =>
      value.logGroupIdentifier.replace(/^arn:[^:]*:logs:[^:]*:[^:]*:log-group:/, '').replace(/:\*$/, ''),
    ),
]);

const DescribeLogGroups = z.looseObject({
  logGroupNamePrefix: z.string().optional(),
  logGroupNamePattern: z.string().optional(),
  limit: z.int().min(1).max(50).default(50),
  nextToken: z.string().optional(),
});

const DescribeLogStreams = z.looseObject({
  logStreamNamePrefix: z.string().optional(),
  orderBy: z.enum(['LogStreamName', 'LastEventTime']).default('LogStreamName'),
  descending: z.boolean().default(false),
  limit: z.int().min(1).max(50).default(50),
  nextToken: z.string().optional(),
});

const FilterLogEvents = z.looseObject({
  logStreamNames: z.array(z.string()).max(100).optional(),
  logStreamNamePrefix: z.string().optional(),
  startTime: z.number().default(0),
  endTime: z.number().default(Number.MAX_SAFE_INTEGER),
  filterPattern: z.string().default(''),
  limit: z.int().min(1).max(MAX_EVENTS).default(MAX_EVENTS),
  nextToken: z.string().optional(),
});

const GetLogEvents = z.looseObject({
  logStreamName: z.string(),
  startTime: z.number().default(0),
  endTime: z.number().default(Number.MAX_SAFE_INTEGER),
  startFromHead: z.boolean().default(false),
  limit: z.int().min(1).max(MAX_EVENTS).default(MAX_EVENTS),
  nextToken: z
    .string()
    .regex(/^[fb]\/\d+$/)
    .optional(),
});

const input = new ApiInput('InvalidParameterException');

/** The part of CloudWatch Logs that reads. */
export function logApi(store: LogStore): AwsOperations {
  const groupOf = (body: unknown) => store.group(input.parse(Group, body));
  return {
    DescribeLogGroups: (body) => describeLogGroups(store, input.parse(DescribeLogGroups, body)),
    DescribeLogStreams: (body) => describeLogStreams(groupOf(body), input.parse(DescribeLogStreams, body)),
    FilterLogEvents: (body) => filterLogEvents(groupOf(body), input.parse(FilterLogEvents, body)),
    GetLogEvents: (body) => getLogEvents(store, groupOf(body), input.parse(GetLogEvents, body)),
  };
}

function describeLogGroups(store: LogStore, request: z.infer<typeof DescribeLogGroups>): object {
  const { logGroupNamePrefix: prefix = '', logGroupNamePattern: pattern = '' } = request;
  const found = store.groups.filter((group) => group.name.startsWith(prefix) && group.name.includes(pattern));
  const page = pageOf(found, request.limit, request.nextToken);
  return {
    logGroups: page.items.map((group) => ({
      logGroupName: group.name,
      arn: `${group.arn}:*`,
      logGroupArn: group.arn,
      creationTime: group.createdAt,
      retentionInDays: group.retentionInDays,
      metricFilterCount: 0,
      storedBytes: bytes(group),
    })),
    nextToken: page.nextToken,
  };
}

function describeLogStreams(group: LogGroup, request: z.infer<typeof DescribeLogStreams>): object {
  const found = [...group.streams.values()].filter((stream) =>
    stream.name.startsWith(request.logStreamNamePrefix ?? ''),
  );
  found.sort((a, b) =>
    request.orderBy === 'LogStreamName' ? (a.name < b.name ? -1 : 1) : lastEventTime(a) - lastEventTime(b),
  );
  if (request.descending) found.reverse();
  const page = pageOf(found, request.limit, request.nextToken);
  return {
    logStreams: page.items.map((stream) => ({
      logStreamName: stream.name,
      arn: `${group.arn}:log-stream:${stream.name}`,
      creationTime: stream.createdAt,
      firstEventTimestamp: stream.events[0]?.timestamp,
      lastEventTimestamp: stream.events.at(-1)?.timestamp,
    })),
    nextToken: page.nextToken,
  };
}

function filterLogEvents(group: LogGroup, request: z.infer<typeof FilterLogEvents>): object {
  const { logStreamNames, logStreamNamePrefix = '', startTime, endTime } = request;
  const keep = logFilter(request.filterPattern);
  const streams = [...group.streams.values()].filter(
    (stream) =>
      stream.name.startsWith(logStreamNamePrefix) && (logStreamNames?.includes(stream.name) ?? true),
  );
  const found = streams
    .flatMap((stream) => stream.events.map((event) => ({ stream: stream.name, event })))
    // Unlike GetLogEvents, FilterLogEvents takes its end time in.
    .filter(({ event }) => event.timestamp >= startTime && event.timestamp <= endTime && keep(event.message))
    .sort((a, b) => a.event.timestamp - b.event.timestamp || a.event.id - b.event.id);
  const page = pageOf(found, request.limit, request.nextToken);
  return {
    events: page.items.map(({ stream, event }) => ({
      ...wireEvent(event),
      logStreamName: stream,
      eventId: String(event.id).padStart(56, '0'),
    })),
    searchedLogStreams: [],
    nextToken: page.nextToken,
  };
}

function getLogEvents(store: LogStore, group: LogGroup, request: z.infer<typeof GetLogEvents>): object {
  const stream = store.stream(group, request.logStreamName);
  const events = stream.events.filter(
    (e) => e.timestamp >= request.startTime && e.timestamp < request.endTime,
  );
  const [direction, place] = request.nextToken?.split('/') ?? [];
  const at = place === undefined ? undefined : Number(place);
  let start = request.startFromHead ? 0 : Math.max(0, events.length - request.limit);
  if (at !== undefined) start = direction === 'f' ? at : Math.max(0, at - request.limit);
  const end = direction === 'b' && at !== undefined ? at : Math.min(events.length, start + request.limit);
  return {
    events: events.slice(start, end).map(wireEvent),
    // The same token again means that there is no more (for now) that way.
    nextForwardToken: `f/${end}`,
    nextBackwardToken: `b/${start}`,
  };
}

function wireEvent(event: LogEvent): object {
  return { timestamp: event.timestamp, message: event.message, ingestionTime: event.timestamp };
}

function lastEventTime(stream: LogStream): number {
  return stream.events.at(-1)?.timestamp ?? stream.createdAt;
}

function bytes(group: LogGroup): number {
  let total = 0;
  for (const stream of group.streams.values()) {
    for (const event of stream.events) total += Buffer.byteLength(event.message) + 26; // CloudWatch counts 26 bytes an event on top.
  }
  return total;
}
