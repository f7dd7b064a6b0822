import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { StageResult } from './stage.ts';

/** Writes what vitest found as a StageResult, with the reason of each skip (which vitest's JSON report leaves out). */
export default class CountingReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly { message?: string; stack?: string }[],
  ): void {
    let passed = 0;
    const failures: { name: string; detail: string }[] = [];
    const skipped: { name: string; reason: string }[] = [];
    for (const module of modules) {
      for (const error of module.errors()) {
        failures.push({ name: module.relativeModuleId, detail: error.stack ?? error.message });
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        const name = `${module.relativeModuleId}: ${test.fullName}`;
        if (result.state === 'passed') passed += 1;
        else if (result.state === 'failed') {
          const detail = result.errors.map((error) => error.stack ?? error.message).join('\n');
          failures.push({ name, detail: detail.slice(0, 3000) });
        } else {
          skipped.push({ name, reason: ('note' in result && result.note) || 'no reason given' });
        }
      }
    }
    for (const error of unhandled) {
      failures.push({
        name: 'an error outside of any test',
        detail: error.stack ?? error.message ?? 'unknown',
      });
    }
    const file = process.env['PLUMBLINE_TEST_REPORT'];
    if (file) writeFileSync(file, JSON.stringify({ passed, failures, skipped } satisfies StageResult));
  }
}
