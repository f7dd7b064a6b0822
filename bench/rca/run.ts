import type { Answer } from '../../src/diagnosis/reason/answer.ts';
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
          const answer = await engine.answer(input, signal);
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
