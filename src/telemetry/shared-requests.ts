import { Problem } from '../problem.ts';

interface Flight {
  readonly result: Promise<unknown>;
  readonly abort: AbortController;
  waiting: number;
}

/**
 * Callers that ask for the same at the same time share one request. It goes on as long as one of them
 * still waits, and is aborted when the last one has left.
 */
export class SharedRequests {
  readonly #flights = new Map<string, Flight>();

  run<T>(
    key: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(cancelled(signal));
    let flight = this.#flights.get(key);
    if (!flight) {
      const abort = new AbortController();
      const result = work(abort.signal).finally(() => {
        if (this.#flights.get(key)?.abort === abort) this.#flights.delete(key);
      });
      flight = { result, abort, waiting: 0 };
      this.#flights.set(key, flight);
    }
    return this.#join(key, flight, signal) as Promise<T>;
  }

  #join(key: string, flight: Flight, signal: AbortSignal | undefined): Promise<unknown> {
    flight.waiting++;
    if (!signal) return flight.result;
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.waiting--;
        if (flight.waiting === 0) {
          this.#flights.delete(key);
          flight.abort.abort();
        }
        reject(cancelled(signal));
      };
      signal.addEventListener('abort', leave, { once: true });
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }
}

function cancelled(signal: AbortSignal): Problem {
  return new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', { cause: signal.reason });
}
