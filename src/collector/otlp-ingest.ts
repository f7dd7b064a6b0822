import type { EventRow } from './event.ts';
import type { EventStore } from './event-store.ts';
import type { OtlpSignal } from './otlp-decode.ts';
import { logEvents } from './otlp-logs.ts';
import { metricEvents } from './otlp-metrics.ts';
import type { OtlpNode } from './otlp-nodes.ts';
import { spanEvents } from './otlp-spans.ts';

/** Maps decoded export requests to events and hands them to the store. */
export class OtlpIngest {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Resolves when the events are taken in; a text says what of them cannot be kept. */
  async take(signal: OtlpSignal, request: OtlpNode): Promise<string | undefined> {
    await this.#store.append(eventsOf(signal, request));
    const { catalogue } = this.#store;
    return catalogue.hasRoom(0)
      ? undefined
      : `The store has reached its ${catalogue.maxColumns} columns; attributes with new names are left out.`;
  }
}

function eventsOf(signal: OtlpSignal, request: OtlpNode): EventRow[] {
  const now = BigInt(Date.now()) * 1_000_000n;
  switch (signal) {
    case 'traces':
      return spanEvents(request);
    case 'metrics':
      return metricEvents(request, now);
    case 'logs':
      return logEvents(request, now);
  }
}
