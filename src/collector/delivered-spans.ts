/** Spans that are remembered to tell a repeated delivery; an exporter retries within seconds. */
const REMEMBERED = 200_000;

/**
 * Tells whether some span may be stored twice (an exporter that got no answer sends its batch again). As long as none
 * is, spans are joined to their parents directly; from then on parents are made unique first, at about half the speed.
 */
export class DeliveredSpans {
  /** True until the stored spans were checked. */
  repeated = true;
  #recent = new Set<bigint>();
  #older = new Set<bigint>();

  note(key: bigint): void {
    if (this.repeated) return;
    if (this.#recent.has(key) || this.#older.has(key)) {
      this.repeated = true;
      this.#recent.clear();
      this.#older.clear();
      return;
    }
    this.#recent.add(key);
    if (this.#recent.size >= REMEMBERED / 2) {
      this.#older = this.#recent;
      this.#recent = new Set();
    }
  }
}
