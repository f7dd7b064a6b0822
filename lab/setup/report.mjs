import process from 'node:process';

/**
 * A duration as people say it: `0.4 s`, `41 s`, `4 min 21 s`.
 * @param {number} milliseconds
 */
export function spokenDuration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A note is worth a line of its own only where the wait would otherwise look like a stop. */
const QUIET = 3_000;

/**
 * Says on one stream, stderr by default, what set-up does: one line for each finished step, and on a terminal a
 * last line that shows what is under way.
 */
export class Report {
  /** @type {NodeJS.WriteStream} */ #stream;
  /** @type {Map<string, {began: number, note: string}>} */ #running = new Map();
  /** @type {NodeJS.Timeout | undefined} */ #ticker;

  /** @param {NodeJS.WriteStream} [stream] */
  constructor(stream = process.stderr) {
    this.#stream = stream;
  }

  /**
   * Begins a step.
   * @param {string} name
   * @returns {{note: (text: string) => void, done: (outcome: string) => void, duration: () => string}}
   */
  begin(name) {
    const began = Date.now();
    const step = { began, note: '' };
    this.#running.set(name, step);
    this.#ticker ??= setInterval(() => this.#draw(), 500).unref();
    this.#draw();
    return {
      note: (text) => {
        step.note = text;
        if (this.#stream.isTTY) return;
        setTimeout(() => {
          if (this.#running.get(name) === step && step.note === text) this.#line(`${name} … ${text}`);
        }, QUIET).unref();
      },
      duration: () => spokenDuration(Date.now() - began),
      done: (outcome) => {
        this.#running.delete(name);
        if (this.#running.size === 0) {
          clearInterval(this.#ticker);
          this.#ticker = undefined;
        }
        this.#line(outcome);
      },
    };
  }

  /** Takes away the line that shows what is under way, for good. */
  close() {
    clearInterval(this.#ticker);
    this.#running.clear();
    this.#erase();
  }

  /** @param {string} text */
  #line(text) {
    this.#erase();
    this.#stream.write(`${text}\n`);
    this.#draw();
  }

  #erase() {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[2K');
  }

  #draw() {
    if (!this.#stream.isTTY || this.#running.size === 0) return;
    const now = Date.now();
    const parts = [...this.#running].map(([name, { began, note }]) =>
      [name, note, spokenDuration(now - began)].filter(Boolean).join(' … '),
    );
    this.#erase();
    this.#stream.write(parts.join('   ').slice(0, (this.#stream.columns || 80) - 1));
  }
}
