import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { Problem, toProblem } from '../src/problem.ts';
import { productEngine } from './rca/product-engine.ts';
import { runCases } from './rca/run.ts';

const USAGE = 'npm run --silent rca -- --data DIR --out FILE';

/**
 * Diagnoses every case of a folder of incidents and writes one line of JSON for each:
 * `{id, verdict, ranking: [{target, kind, score}], requests, ms}`, best first. Never reads what the truth was.
 */
async function main(signal: AbortSignal): Promise<void> {
  const { data, out } = readArguments();
  await mkdir(dirname(out), { recursive: true });
  const file = createWriteStream(out);
  const written = finished(file);
  try {
    let count = 0;
    for await (const outcome of runCases(data, [productEngine], signal, (line) => console.error(line))) {
      const { answer, requests, ms } = outcome;
      const line = {
        id: outcome.case.givenId,
        verdict: answer.verdict,
        ranking: answer.ranking,
        requests,
        ms: Math.round(ms),
      };
      file.write(`${JSON.stringify(line)}\n`);
      count += 1;
      if (count % 20 === 0) console.error(`${count} cases`);
    }
    console.error(`${count} cases, written to ${out}`);
  } finally {
    file.end();
    await written;
  }
}

function readArguments(): { data: string; out: string } {
  let values: { data?: string | undefined; out?: string | undefined };
  try {
    ({ values } = parseArgs({ options: { data: { type: 'string' }, out: { type: 'string' } } }));
  } catch (error) {
    throw new Problem('bad-input', error instanceof Error ? error.message : String(error), USAGE);
  }
  if (!values.data || !values.out) throw new Problem('bad-input', '--data and --out are needed.', USAGE);
  return { data: resolve(values.data), out: resolve(values.out) };
}

const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
main(abort.signal).catch((thrown: unknown) => {
  const problem = toProblem(thrown, 'Look at the folder and try again.');
  console.error(`${problem.message}\n${problem.nextStep}`);
  process.exitCode = 1;
});
