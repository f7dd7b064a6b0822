import type {
  CallRow,
  EntryPoint,
  Gathered,
  InstanceRow,
  LatencyStatistics,
  MeasuredSeries,
  QueryRecord,
  WindowName,
} from '../../src/diagnosis/gather/gathered.ts';
import { quantile } from '../../src/diagnosis/reason/statistics.ts';
import { chooseSymptom } from '../../src/diagnosis/reason/symptom.ts';
import type { StackUpdate, Workload } from '../../src/infrastructure/model.ts';
import type { TimeWindow } from '../../src/telemetry/query.ts';

/** An operation of an invented system: how long its own part takes in each period, and what it calls. */
export interface SceneNode {
  readonly service: string;
  readonly operation: string;
  readonly kind?: 'server' | 'client' | 'internal';
  readonly peer?: string;
  readonly address?: string;
  /** Milliseconds of its own, in each period. */
  readonly own: readonly [before: number, after: number];
  readonly calls?: readonly [before: number, after: number];
  readonly errors?: readonly [before: number, after: number];
  readonly children?: readonly SceneNode[];
}

export interface Scene {
  readonly root: SceneNode;
  /** Requests a second in each period. */
  readonly rate?: readonly [number, number];
  /** Seconds of each period; 0 leaves it out. */
  readonly seconds?: readonly [number, number];
  /** CPU and memory utilisation, percent; null = could not be read. */
  readonly cpu?: Readonly<Record<string, readonly [number, number] | null>>;
  readonly memory?: Readonly<Record<string, readonly [number, number]>>;
  readonly updates?: readonly StackUpdate[];
  readonly revisions?: readonly [string, string];
  /** Spread of a request's duration around its mean, as a share. */
  readonly noise?: number;
  readonly seed?: number;
}

export const START = Date.UTC(2026, 0, 5, 12, 0, 0);
const POINT_MS = 2_000;
const QUERY: QueryRecord = {
  spec: { calculations: [{ op: 'COUNT' }] },
  window: { start: START, end: START },
  truncated: false,
};

interface Measured {
  readonly node: SceneNode;
  readonly parent: SceneNode | null;
  readonly durations: number[];
  errors: number;
}

/** Plays a scene request by request and aggregates what a telemetry store would answer. */
export function play(scene: Scene): Gathered {
  const random = generator(scene.seed ?? 7);
  const [secondsBefore, secondsAfter] = scene.seconds ?? [120, 120];
  const [rateBefore, rateAfter] = scene.rate ?? [5, 5];
  const change = START + secondsBefore * 1000;
  const end = change + secondsAfter * 1000;
  const requests: {
    time: number;
    duration: number;
    failed: boolean;
    period: 0 | 1;
    parts: Map<SceneNode, Part>;
  }[] = [];
  for (const period of [0, 1] as const) {
    const [from, length, rate] =
      period === 0 ? [START, secondsBefore, rateBefore] : [change, secondsAfter, rateAfter];
    for (let i = 0; i < Math.round(length * rate); i++) {
      const time = from + ((i + 0.5) * 1000) / rate;
      const parts = new Map<SceneNode, Part>();
      const duration = walk(scene.root, period, random, scene.noise ?? 0.25, parts);
      requests.push({ time, duration, period, parts, failed: (parts.get(scene.root)?.errors ?? 0) > 0 });
    }
  }
  const points = pointsOf(requests);
  const total = statistics(
    requests.map((request) => request.duration),
    requests.filter((request) => request.failed).length,
  );
  const entry = { service: scene.root.service, operation: scene.root.operation, total, points };
  const lookback = { start: START - 60_000, end };
  const chosen = chooseSymptom([entry], POINT_MS, lookback);
  if (chosen === null) throw new Error('the scene has no requests');
  const { windows } = chosen;
  const named: readonly (readonly [WindowName, TimeWindow])[] = [
    ['incident', windows.incident],
    ...windows.baselines.map((window, index) => [`baseline-${index}`, window] as const),
  ];
  const nameOf = (time: number): WindowName | null =>
    named.find(([, window]) => time >= window.start && time < window.end)?.[0] ?? null;
  const calls: CallRow[] = [];
  const instances: InstanceRow[] = [];
  for (const [window] of named) {
    const inside = requests.filter((request) => nameOf(request.time) === window);
    if (inside.length === 0) continue;
    for (const { node, parent, durations, errors } of measure(scene.root, inside)) {
      if (durations.length === 0) continue;
      calls.push({
        window,
        service: node.service,
        operation: node.operation,
        parentService: parent?.service ?? null,
        parentOperation: parent?.operation ?? null,
        spanKind: node.kind ?? 'internal',
        peer: node.peer ?? null,
        address: node.address ?? null,
        totalMs: durations.reduce((sum, one) => sum + one, 0),
        p10: quantile(durations, 0.1),
        parent: null,
        ...statistics(durations, errors),
      });
    }
    const of = statistics(
      inside.map((request) => request.duration),
      0,
    );
    instances.push({
      window,
      service: scene.root.service,
      instance: 'i-1',
      version: null,
      revision: scene.revisions?.[window === 'incident' ? 1 : 0] ?? '1',
      ...of,
    });
  }
  const services = [...new Set(measure(scene.root, requests).map(({ node }) => node.service))];
  const cpu = scene.cpu ?? { [scene.root.service]: [30, 30] };
  return {
    now: end,
    lookback,
    store: 'scene',
    dataset: '__all__',
    granularitySeconds: POINT_MS / 1000,
    scope: windows.origin === 'shift' ? 'symptom' : 'everything',
    symptom: { service: scene.root.service, operation: scene.root.operation, isRoot: true },
    entries: { rows: [entry], query: QUERY },
    windows,
    calls: { rows: calls, query: QUERY },
    instances: { rows: instances, query: QUERY },
    comparison: null,
    exemplars: { rows: [{ traceId: 'a1b2', durationMs: total.p99 }], query: QUERY },
    workloads: services.filter((service) => cpu[service]).map(workload),
    metrics: {
      store: 'scene metrics',
      region: 'eu-north-1',
      window: { start: START, end },
      periodSeconds: 10,
      series: [
        ...Object.entries(cpu).flatMap(([service, levels]) =>
          levels === null ? [] : [series('cpu', service, levels, change, end)],
        ),
        ...Object.entries(scene.memory ?? {}).map(([service, levels]) =>
          series('memory', service, levels, change, end),
        ),
      ],
    },
    endpoints: [],
    updates: (scene.updates ?? []).map((update) => ({
      stack: 'organization/shop/prod',
      backend: 'file:///state',
      update,
    })),
    markers: [],
    gaps: [],
    requests: 4,
  };
}

interface Part {
  durations: number[];
  errors: number;
}

function walk(
  node: SceneNode,
  period: 0 | 1,
  random: () => number,
  noise: number,
  parts: Map<SceneNode, Part>,
): number {
  const spread = Math.exp((random() + random() + random() - 1.5) * 2 * noise);
  let duration = node.own[period] * spread;
  for (const child of node.children ?? []) {
    const wanted = child.calls?.[period] ?? 1;
    const calls = Math.floor(wanted) + (random() < wanted % 1 ? 1 : 0);
    for (let i = 0; i < calls; i++) duration += walk(child, period, random, noise, parts);
  }
  const part = parts.get(node) ?? { durations: [], errors: 0 };
  part.durations.push(duration);
  if (random() < (node.errors?.[period] ?? 0)) part.errors++;
  parts.set(node, part);
  return duration;
}

function measure(
  root: SceneNode,
  requests: readonly { readonly parts: ReadonlyMap<SceneNode, Part> }[],
): Measured[] {
  const found: Measured[] = [];
  const visit = (node: SceneNode, parent: SceneNode | null): void => {
    const durations = requests.flatMap(({ parts }) => parts.get(node)?.durations ?? []);
    const errors = requests.reduce((sum, { parts }) => sum + (parts.get(node)?.errors ?? 0), 0);
    found.push({ node, parent, durations, errors });
    for (const child of node.children ?? []) visit(child, node);
  };
  visit(root, null);
  return found;
}

function pointsOf(requests: readonly { time: number; duration: number; failed: boolean }[]): EntryPoint[] {
  const byTime = new Map<number, { durations: number[]; errors: number }>();
  for (const { time, duration, failed } of requests) {
    const point = Math.floor(time / POINT_MS) * POINT_MS;
    const known = byTime.get(point) ?? { durations: [], errors: 0 };
    known.durations.push(duration);
    if (failed) known.errors++;
    byTime.set(point, known);
  }
  return [...byTime.entries()].map(([time, { durations, errors }]) => ({
    time,
    ...statistics(durations, errors),
  }));
}

function statistics(durations: readonly number[], errors: number): LatencyStatistics {
  return {
    count: durations.length,
    errors,
    p50: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
    p99: quantile(durations, 0.99),
  };
}

function series(
  measurand: 'cpu' | 'memory',
  service: string,
  [before, after]: readonly [number, number],
  change: number,
  end: number,
): MeasuredSeries {
  const points: { time: number; value: number }[] = [];
  for (let time = START; time < end; time += 10_000)
    points.push({ time, value: time < change ? before : after });
  return {
    measurand,
    statistic: 'average',
    service,
    urn: null,
    status: 'complete',
    points,
    query: {
      id: `${measurand}-${service}`,
      namespace: 'AWS/ECS',
      metric: measurand === 'cpu' ? 'CPUUtilization' : 'MemoryUtilization',
      dimensions: { ClusterName: 'c', ServiceName: service },
      statistic: 'average',
      unit: 'percent',
    },
  };
}

export function workload(service: string): Workload {
  return {
    service,
    platform: 'ecs',
    region: 'eu-north-1',
    cluster: 'c',
    ecsService: service,
    taskFamily: service,
    launchType: 'FARGATE',
    cpuUnits: 512,
    memoryMiB: 1024,
    desiredCount: 1,
    taskDefinitionUrn: `urn:pulumi:prod::shop::aws:ecs/taskDefinition:TaskDefinition::${service}`,
    joinedBy: 'the scene says so',
  };
}

/** Park–Miller: the same numbers for the same seed, everywhere. */
export function generator(seed: number): () => number {
  let state = Math.max(1, seed % 2147483647);
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** A shop that asks a recommender (a model outside) and a search index. */
export function shop(change: {
  readonly own?: number;
  readonly model?: number;
  readonly index?: number;
}): SceneNode {
  const { own = 1, model = 1, index = 1 } = change;
  return {
    service: 'shop',
    operation: 'GET /offers',
    kind: 'server',
    own: [3, 3 * own],
    children: [
      { service: 'shop', operation: 'rank', own: [15, 15 * own] },
      { service: 'shop', operation: 'render', own: [8, 8 * own] },
      {
        service: 'shop',
        operation: 'suggest',
        own: [1, 1 * own],
        children: [
          {
            service: 'shop',
            operation: 'generate',
            kind: 'client',
            peer: 'acme-models',
            own: [0.5, 0.5],
            children: [
              {
                service: 'shop',
                operation: 'POST',
                kind: 'client',
                address: 'models.example:443',
                own: [200, 200 * model],
              },
            ],
          },
        ],
      },
      {
        service: 'shop',
        operation: 'search',
        kind: 'client',
        peer: 'opensearch',
        address: 'index.example:443',
        own: [10, 10 * index],
      },
    ],
  };
}
