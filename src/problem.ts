/** Stable names of what can go wrong; tests, telemetry of the panel and tool answers key on these, never on words. */
export type ProblemCode =
  | 'bad-input'
  | 'cancelled'
  | 'not-found'
  | 'unauthorized'
  | 'forbidden'
  | 'rate-limited'
  | 'unreachable'
  | 'timeout'
  | 'empty'
  | 'unsupported'
  | 'pulumi-missing'
  | 'no-stack'
  | 'stack-locked'
  | 'program-error'
  | 'stale'
  | 'refused'
  | 'internal';

/**
 * An error that a person can act on: what happened, why, and what to do next.
 * `message` is the first, `nextStep` the last; both are shown as plain text, never rendered as Markdown or HTML.
 */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly nextStep: string;

  constructor(code: ProblemCode, message: string, nextStep: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Problem';
    this.code = code;
    this.nextStep = nextStep;
  }
}

/** Turns whatever was thrown into a Problem, keeping one that already is one. */
export function toProblem(
  thrown: unknown,
  nextStep = 'Try again; if it stays, see the Plumbline output channel.',
): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', { cause: thrown });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem('internal', message, nextStep, { cause: thrown });
}
