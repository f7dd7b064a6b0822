import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import { toProblem } from '../../src/problem.ts';
import type { CaseInput, RcaEngine } from './engine.ts';
import { type DataSet, type RcaCase, readDataSets } from './layout.ts';
import { readMeasurements } from './measurements.ts';
import { openSpanStore } from './span-store.ts';

/** One engine's answer to one case, with what it cost. */
export interface Outcome {
  readonly set: DataSet;
  readonly case: RcaCase;
  readonly engine: string;
  readonly answer: Answer;
  /** Query results that were created. */
  readonly requests: number;
  readonly ms: number;
}

/** What can't be diagnosed (windows without a request, say) is undetermined, said, and keeps no other case from its answer. */
async function answerOrRefusal(
  engine: RcaEngine,
  input: CaseInput,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<Answer> {
  try {
    return await engine.answer(input, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const { message } = toProblem(thrown, 'Look at the case.');
    note(`case ${input.case.givenId}, ${engine.name}: ${message}`);
    return { verdict: 'undetermined', ranking: [] };
  }
}

/** Runs engines over every case of a folder, case by case, so that the first figures come early. */
export async function* runCases(
  directory: string,
  engines: readonly RcaEngine[],
  signal: AbortSignal,
  note: (line: string) => void,
): AsyncGenerator<Outcome> {
  for (const set of await readDataSets(directory)) {
    const measurements = await readMeasurements(set);
    if (set.spans !== null) note(`${set.name}: loading spans into the local store`);
    const spans = set.spans === null ? null : await openSpanStore(set.spans, signal);
    try {
      for (const one of set.cases) {
        const input: CaseInput = {
          case: one,
          spans: spans?.store ?? null,
          metrics: measurements.machines(one),
          map: measurements.map(one),
        };
        for (const engine of engines) {
          signal.throwIfAborted();
          const before = spans?.store.requests ?? 0;
          const started = performance.now();
          const answer = await answerOrRefusal(engine, input, signal, note);
          const ms = performance.now() - started;
          yield {
            set,
            case: one,
            engine: engine.name,
            answer,
            requests: (spans?.store.requests ?? 0) - before,
            ms,
          };
        }
      }
    } finally {
      await spans?.close();
    }
  }
}
