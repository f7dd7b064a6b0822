/** What one stage of the test run found. */
export interface StageResult {
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly detail: string }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export interface Stage {
  readonly name: string;
  run(signal: AbortSignal): Promise<StageResult>;
}

export const passed = (count: number): StageResult => ({ passed: count, failures: [], skipped: [] });

export const failed = (name: string, detail: string): StageResult => ({
  passed: 0,
  failures: [{ name, detail }],
  skipped: [],
});

export const skipped = (name: string, reason: string): StageResult => ({
  passed: 0,
  failures: [],
  skipped: [{ name, reason }],
});

/** Adds up what stages, or the parts of one, found. */
export function total(results: readonly StageResult[]): StageResult {
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failures: results.flatMap((result) => result.failures),
    skipped: results.flatMap((result) => result.skipped),
  };
}
