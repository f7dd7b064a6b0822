import { DuckDBInstance } from '@duckdb/node-api';
import type { NodeSeries } from '../../src/diagnosis/reason/service-map/service-map.ts';
import { Problem } from '../../src/problem.ts';
import type { MetricPoint, ServiceMap } from './engine.ts';
import type { DataSet, RcaCase } from './layout.ts';
import { type Reading, withUse } from './machine-use.ts';

/** Seconds around a window within which a point may be stamped that speaks of it. */
const AROUND = 300;

/** The metrics and the graph of a data set, read once and handed out case by case. */
export interface Measurements {
  /** Readings of machines in and around the case's windows. */
  machines(one: RcaCase): readonly MetricPoint[];
  /** Null when the case names no stores. */
  map(one: RcaCase): ServiceMap | null;
}

type Cells = readonly (readonly unknown[])[];
type Nodes = Map<string, Map<string, Map<number, number>>>;

/** Reads both layouts of metrics: by service and instance, or by store and node. Throws a Problem for neither. */
export async function readMeasurements(set: DataSet): Promise<Measurements> {
  const columns = set.metrics === null ? [] : await columnsOf(set.metrics);
  const has = (...names: string[]): boolean => names.every((name) => columns.includes(name));
  const readings: Reading[] = [];
  const stores = new Map<string, Nodes>();
  if (set.metrics !== null) {
    if (has('store', 'time_s', 'node', 'metric', 'statistic', 'value')) {
      collectNodes(stores, await select(set.metrics, 'store, time_s, node, metric, statistic, value'));
    } else if (has('time_s', 'service', 'metric', 'value')) {
      const instance = has('instance') ? 'instance' : 'NULL';
      for (const [time, service, copy, metric, value] of await select(
        set.metrics,
        `time_s, service, ${instance}, metric, value`,
      )) {
        const point = {
          time: Number(time),
          service: String(service),
          metric: String(metric),
          value: Number(value),
        };
        if (value !== null && Number.isFinite(point.value))
          readings.push({ ...point, instance: copy === null ? null : String(copy) });
      }
    } else {
      throw new Problem(
        'bad-input',
        `${set.metrics} has the columns ${columns.join(', ')}.`,
        'Needed are time_s, service, metric, value, or store, time_s, node, metric, statistic, value.',
      );
    }
  }
  const machines = withUse(readings);
  const graph = set.graph === null ? [] : await readGraph(set.graph);
  return {
    machines: (one) => {
      const windows = [...(one.baseline ?? []), ...(one.incident ? [one.incident] : [])];
      return machines.filter(({ time }) =>
        windows.some(([start, end]) => time >= start - AROUND && time < end + AROUND),
      );
    },
    map: (one) => {
      if (!one.incident_store || !one.baseline_store) return null;
      const calls = graph.filter(({ scenario }) => scenario === null || scenario === one.scenario);
      const incident = stores.get(one.incident_store) ?? new Map();
      const inside = (time: number): boolean =>
        one.incident ? time >= one.incident[0] && time < one.incident[1] : true;
      const asked = slice(incident, inside);
      const taken = new Set([...asked.values()].flatMap(timesOf));
      // Points that are the incident's own are no baseline, whatever store they are in.
      return {
        calls,
        incident: asked,
        baseline: slice(stores.get(one.baseline_store) ?? new Map(), (time) => !taken.has(time)),
      };
    },
  };
}

function collectNodes(stores: Map<string, Nodes>, rows: Cells): void {
  for (const [store, time, node, metric, statistic, value] of rows) {
    if (value === null || !Number.isFinite(Number(value))) continue;
    const nodes = entry(stores, String(store), () => new Map());
    const series = entry(nodes, String(node), () => new Map());
    entry(series, `${metric}:${statistic}`, () => new Map()).set(Number(time), Number(value));
  }
}

function slice(nodes: Nodes, keep: (time: number) => boolean): ReadonlyMap<string, NodeSeries> {
  return new Map(
    [...nodes].map(([node, series]) => [
      node,
      new Map(
        [...series].map(([name, points]) => [name, new Map([...points].filter(([time]) => keep(time)))]),
      ),
    ]),
  );
}

function timesOf(series: NodeSeries): number[] {
  return [...series.values()].flatMap((points) => [...points.keys()]);
}

async function readGraph(
  file: string,
): Promise<{ scenario: string | null; caller: string; callee: string }[]> {
  const columns = await columnsOf(file);
  const scenario = columns.includes('scenario') ? 'scenario' : 'NULL';
  return (await select(file, `${scenario}, caller, callee`)).map(([of, caller, callee]) => ({
    scenario: of === null ? null : String(of),
    caller: String(caller),
    callee: String(callee),
  }));
}

async function columnsOf(file: string): Promise<readonly string[]> {
  return (await run(`DESCRIBE SELECT * FROM ${source(file)}`, file)).map(([name]) => String(name));
}

function select(file: string, columns: string): Promise<Cells> {
  return run(`SELECT ${columns} FROM ${source(file)}`, file);
}

function source(file: string): string {
  return file.endsWith('.csv') ? 'read_csv($1, header = true, all_varchar = true)' : 'read_parquet($1)';
}

async function run(sql: string, file: string): Promise<Cells> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  try {
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(sql, [file])).getRowsJS();
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
