import { toProblem } from '../problem.ts';
import type { TelemetryStore } from '../telemetry/query.ts';

/** A store that tells when it could not be reached, so that the next question connects anew. */
export function watchedStore(store: TelemetryStore, onUnreachable: () => void): TelemetryStore {
  const watch = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (thrown) {
      if (toProblem(thrown).code === 'unreachable') onUnreachable();
      throw thrown;
    }
  };
  return {
    get name() {
      return store.name;
    },
    get requests() {
      return store.requests;
    },
    get computesOverParents() {
      return store.computesOverParents;
    },
    datasets: (signal) => watch(store.datasets(signal)),
    columns: (dataset, signal) => watch(store.columns(dataset, signal)),
    run: (dataset, spec, window, options) => watch(store.run(dataset, spec, window, options)),
    mark: (dataset, marker, signal) => watch(store.mark(dataset, marker, signal)),
    markers: (dataset, signal) => watch(store.markers(dataset, signal)),
  };
}
