import { Problem } from '../../problem.ts';
import { ALL_DATASETS, type Column, type TelemetryStore } from '../../telemetry/query.ts';
import { resolveRoles } from '../../telemetry/roles.ts';
import type { Gap } from '../diagnosis.ts';

/** The columns that a diagnosis asks for, as this store names them; null where it has none. */
export interface Attributes {
  readonly duration: string;
  readonly service: string;
  readonly name: string;
  readonly traceId: string | null;
  readonly parentId: string | null;
  readonly error: string | null;
  readonly annotationType: string | null;
  readonly spanKind: string | null;
  /** Names of what a call leads to, the most telling first. */
  readonly peer: readonly string[];
  readonly address: readonly string[];
  readonly port: readonly string[];
  /** What tells running copies of a service apart, the most exact first. */
  readonly instance: readonly string[];
  readonly version: string | null;
  readonly revision: string | null;
  readonly taskFamily: string | null;
  readonly ecsService: string | null;
  readonly clusterArn: string | null;
  readonly launchType: string | null;
  readonly region: string | null;
}

/** OpenTelemetry's semantic conventions, today's name before yesterday's. */
const PEER = [
  'gen_ai.provider.name',
  'gen_ai.system',
  'peer.service',
  'db.system.name',
  'db.system',
  'messaging.system',
];
const ADDRESS = ['server.address', 'net.peer.name', 'http.host'];
const PORT = ['server.port', 'net.peer.port'];
const INSTANCE = ['service.instance.id', 'aws.ecs.task.arn', 'k8s.pod.name', 'container.id', 'host.name'];

/** Columns of more datasets than this are not read one by one. */
const MOST_DATASETS = 25;

export interface FoundAttributes {
  readonly attributes: Attributes;
  readonly columns: readonly Column[];
  readonly gaps: readonly Gap[];
}

/** Reads which columns the dataset has. `__all__` has no column list of its own, so that of each dataset is read. */
export async function findAttributes(
  telemetry: TelemetryStore,
  dataset: string,
  signal: AbortSignal,
): Promise<FoundAttributes> {
  const gaps: Gap[] = [];
  const columns =
    dataset === ALL_DATASETS
      ? await columnsOfAll(telemetry, signal, gaps)
      : await telemetry.columns(dataset, signal);
  const roles = resolveRoles(new Map(), columns);
  const known = new Set(columns.map((column) => column.name));
  const first = (...names: readonly string[]): string | null => names.find((name) => known.has(name)) ?? null;
  const all = (names: readonly string[]): readonly string[] => names.filter((name) => known.has(name));
  if (roles.duration === undefined || roles.service === undefined || roles.name === undefined) {
    throw new Problem(
      'empty',
      `${telemetry.name}, ${shown(dataset)}: no spans were ever received (no columns for duration, service and name).`,
      'Send traces there by OTLP, or choose another dataset in the settings.',
    );
  }
  return {
    gaps,
    columns,
    attributes: {
      duration: roles.duration,
      service: roles.service,
      name: roles.name,
      traceId: roles.traceId ?? null,
      parentId: roles.parentId ?? null,
      error: roles.error ?? null,
      annotationType: roles.annotationType ?? null,
      spanKind: first('span.kind', 'type'),
      peer: all(PEER),
      address: all(ADDRESS),
      port: all(PORT),
      instance: all(INSTANCE),
      version: first('service.version'),
      revision: first('aws.ecs.task.revision'),
      taskFamily: first('aws.ecs.task.family'),
      ecsService: first('aws.ecs.service.name'),
      clusterArn: first('aws.ecs.cluster.arn'),
      launchType: first('aws.ecs.launchtype'),
      region: first('cloud.region'),
    },
  };
}

async function columnsOfAll(
  telemetry: TelemetryStore,
  signal: AbortSignal,
  gaps: Gap[],
): Promise<readonly Column[]> {
  const datasets = await telemetry.datasets(signal);
  const newest = [...datasets]
    .filter((dataset) => dataset.lastWrittenAt !== null)
    .sort((a, b) => (b.lastWrittenAt ?? 0) - (a.lastWrittenAt ?? 0));
  if (newest.length === 0) {
    throw new Problem(
      'empty',
      `${telemetry.name} holds no dataset that anything was written to.`,
      'Send traces there by OTLP, or check that the key belongs to the environment you mean.',
    );
  }
  if (newest.length > MOST_DATASETS) {
    gaps.push({
      what: `Columns of ${newest.length - MOST_DATASETS} datasets`,
      why: `Only the ${MOST_DATASETS} that were written to last were looked at.`,
      nextStep: 'Name the dataset in the settings.',
    });
  }
  const lists = await Promise.all(
    newest.slice(0, MOST_DATASETS).map((dataset) => telemetry.columns(dataset.slug, signal)),
  );
  const byName = new Map(lists.flat().map((column) => [column.name, column]));
  return [...byName.values()];
}

export function shown(dataset: string): string {
  return dataset === ALL_DATASETS ? 'all datasets' : `dataset ${dataset}`;
}
