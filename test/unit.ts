import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { failed, type Stage, type StageResult } from './stage.ts';

/** Unit, property and adapter tests, by vitest. */
export const unitStage: Stage = {
  name: 'unit, property and adapter tests',
  async run(signal) {
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-vitest-'));
    try {
      const file = join(dir, 'report.json');
      const { stdout, stderr } = await runCommand(
        process.execPath,
        ['node_modules/vitest/vitest.mjs', 'run', '--reporter=./test/vitest-reporter.ts'],
        { signal, env: { ...process.env, PLUMBLINE_TEST_REPORT: file } },
      );
      const report = await readFile(file, 'utf8').catch(() => null);
      return report === null
        ? failed('vitest', `${stdout}\n${stderr}`.slice(-6000))
        : (JSON.parse(report) as StageResult);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};
