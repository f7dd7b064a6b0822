import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Report, spokenDuration } from '../../lab/setup/report.mjs';

function stream(isTTY: boolean) {
  const written: string[] = [];
  const out = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { out: Object.assign(out, { isTTY, columns: 30 }) as unknown as NodeJS.WriteStream, written };
}

describe('the report', () => {
  test.each([
    [400, '0.4 s'],
    [41_300, '41 s'],
    [59_700, '1 min 0 s'],
    [261_000, '4 min 21 s'],
  ])('%i ms is %s', (milliseconds, spoken) => {
    expect(spokenDuration(milliseconds)).toBe(spoken);
  });

  test('off a terminal it is one line for each step, and no control characters', () => {
    const { out, written } = stream(false);
    const report = new Report(out);
    const step = report.begin('dependencies');
    step.note('downloading');
    step.done('dependencies … 41 s');
    report.close();
    expect(written).toEqual(['dependencies … 41 s\n']);
  });

  test('on a terminal it shows what is under way, never wider than the window, and takes it away', () => {
    const { out, written } = stream(true);
    const report = new Report(out);
    report.begin('VS Code').note('compiling its native modules');
    report.begin('Pulumi CLI').done('Pulumi CLI … skipped: no network');
    report.close();
    const shown = written.join('').split('\r\x1b[2K');
    expect(shown).toContain('Pulumi CLI … skipped: no network\n');
    expect(shown.some((text) => text.startsWith('VS Code … '))).toBe(true);
    expect(shown.filter((text) => !text.endsWith('\n')).every((text) => text.length < 30)).toBe(true);
    expect(shown.at(-1)).toBe('');
  });
});
