import { writeFile } from 'node:fs/promises';

/** A list of tests that run one after the other inside of VS Code and write what came of them into a file. */
export interface SuiteResult {
  readonly passed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly detail: string }[];
}

/** Where the suite leaves its result, and whether pictures can be asked for. */
export const RESULT_VARIABLE = 'PLUMBLINE_SUITE_RESULT';

export type Tests = Readonly<Record<string, () => Promise<void>>>;

const TEST_MS = 30_000;

export async function runTests(tests: Tests): Promise<void> {
  const passed: string[] = [];
  const failed: { name: string; detail: string }[] = [];
  for (const [name, test] of Object.entries(tests)) {
    try {
      await Promise.race([test(), tooLong(name)]);
      passed.push(name);
    } catch (error) {
      failed.push({ name, detail: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  const file = process.env[RESULT_VARIABLE];
  if (file === undefined) throw new Error(`${RESULT_VARIABLE} is not set`);
  await writeFile(file, JSON.stringify({ passed, failed } satisfies SuiteResult));
}

function tooLong(name: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${name} did not end within ${TEST_MS / 1000} s`)), TEST_MS).unref();
  });
}

/** Waits until the given holds: VS Code's tabs and contexts follow a moment after a command. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`This did not come about: ${what}`);
}
