import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../src/problem.ts';

/** [start, end) in epoch seconds, as the layout writes windows. */
const span = z.tuple([z.number(), z.number()]);

/**
 * A case as an engine may see it. The schema keeps no `truth`, no `split` and no `traces`: what is not here cannot be
 * read by accident.
 */
const caseFields = z.object({
  id: z.union([z.string(), z.number()]),
  symptom: z
    .object({
      node: z.string().nullish(),
      metric: z.string().nullish(),
      statistic: z.string().nullish(),
      time_s: z.number().nullish(),
    })
    .nullish(),
  baseline: z.array(span).nullish(),
  incident: span.nullish(),
  scenario: z.string().nullish(),
  baseline_store: z.string().nullish(),
  incident_store: z.string().nullish(),
});
/** `id` as text, for looking up; `givenId` as it was written, for the answer. */
const caseSchema = caseFields.transform((fields) => ({
  ...fields,
  id: String(fields.id),
  givenId: fields.id,
}));
export type RcaCase = z.infer<typeof caseSchema>;

/** What a case is scored against; read by the bench alone. */
const truthSchema = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  scenario: z.string().nullish(),
  symptom: z.object({ metric: z.string().nullish() }).nullish(),
  truth: z
    .object({ service: z.string().nullish(), node: z.string().nullish(), kind: z.string().nullish() })
    .nullish(),
});
export interface Truth {
  readonly id: string;
  /** Null: nothing was wrong. */
  readonly target: string | null;
  readonly kind: string | null;
  /** The rows of the table: what kind of case it is. */
  readonly group: string;
}

/** One folder of the layout: cases beside spans and metrics (parquet) and a graph of calls (CSV), each of which may be missing. */
export interface DataSet {
  readonly name: string;
  readonly cases: readonly RcaCase[];
  readonly spans: string | null;
  readonly metrics: string | null;
  readonly graph: string | null;
  readonly casesFile: string;
}

/** The data set that a folder is, or those that it holds. Throws a Problem when there is none or a case can't be read. */
export async function readDataSets(directory: string): Promise<readonly DataSet[]> {
  if (await isFile(join(directory, 'cases.jsonl'))) return [await readDataSet(directory)];
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const sets: DataSet[] = [];
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = join(directory, entry.name);
    if (entry.isDirectory() && (await isFile(join(inner, 'cases.jsonl'))))
      sets.push(await readDataSet(inner));
  }
  if (sets.length > 0) return sets;
  throw new Problem(
    'not-found',
    `There is no cases.jsonl in ${directory} or in a folder of it.`,
    'Give --data the folder of a data set: cases.jsonl beside spans.parquet or metrics.parquet.',
  );
}

async function readDataSet(directory: string): Promise<DataSet> {
  const present = async (name: string): Promise<string | null> => {
    const path = join(directory, name);
    return (await isFile(path)) ? path : null;
  };
  const casesFile = join(directory, 'cases.jsonl');
  return {
    name: basename(directory),
    cases: await readLines(casesFile, caseSchema),
    spans: await present('spans.parquet'),
    metrics: await present('metrics.parquet'),
    graph: await present('graph.csv'),
    casesFile,
  };
}

/** Truths by case id; cases that have none are left out. */
export async function readTruths(set: DataSet): Promise<ReadonlyMap<string, Truth>> {
  const truths = new Map<string, Truth>();
  for (const { id, truth, scenario, symptom } of await readLines(set.casesFile, truthSchema)) {
    if (truth === undefined) continue;
    const target = truth?.service ?? truth?.node ?? null;
    const kind = target === null ? null : (truth?.kind ?? null);
    const group = target === null ? 'quiet' : (kind ?? `${scenario ?? ''} ${symptom?.metric ?? ''}`.trim());
    truths.set(id, { id, target, kind, group });
  }
  return truths;
}

async function readLines<T>(file: string, schema: z.ZodType<T>): Promise<T[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    try {
      return schema.parse(JSON.parse(line));
    } catch (cause) {
      throw new Problem(
        'bad-input',
        `Line ${index + 1} of ${file} is no case.`,
        'Each line is one JSON object with an id and its windows or stores.',
        { cause },
      );
    }
  });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
