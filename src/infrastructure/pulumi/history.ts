import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { StackUpdate } from '../model.ts';
import { plainText } from './redact.ts';
import { parseJson } from './state.ts';

const Update = z.looseObject({
  kind: z.string(),
  startTime: z.string(),
  endTime: z.string().optional(),
  message: z.string().default(''),
  result: z.string(),
  environment: z.record(z.string(), z.string()).nullish(),
  version: z.number().nullish(),
  resourceChanges: z.record(z.string(), z.number()).nullish(),
});

const KINDS: Readonly<Record<string, StackUpdate['kind']>> = {
  update: 'update',
  refresh: 'refresh',
  destroy: 'destroy',
  import: 'import',
  'resource-import': 'import',
};

const RESULTS: Readonly<Record<string, StackUpdate['result']>> = {
  succeeded: 'succeeded',
  'in-progress': 'in-progress',
};

/** Reads what `pulumi stack history --json` printed: newest first. */
export function parseHistory(text: string, fqn: string): readonly StackUpdate[] {
  if (text.trim() === '') return [];
  const parsed = z.array(Update).safeParse(parseJson(text, `pulumi stack history of ${fqn}`));
  if (!parsed.success) {
    throw new Problem(
      'unsupported',
      `The history of ${fqn} has a shape that Plumbline does not know.`,
      'Update Plumbline, or report this with the version of your Pulumi CLI.',
      { cause: parsed.error },
    );
  }
  return parsed.data.map((raw) => {
    const commit = raw.environment?.['git.head'];
    const end = raw.endTime === undefined ? Number.NaN : Date.parse(raw.endTime);
    return {
      kind: KINDS[raw.kind] ?? 'other',
      result: RESULTS[raw.result] ?? 'failed',
      start: Date.parse(raw.startTime),
      end: Number.isFinite(end) ? end : null,
      message: plainText(raw.message, 500),
      changes: raw.resourceChanges ?? {},
      ...(commit !== undefined && { gitCommit: commit.slice(0, 64) }),
      ...(isVersion(raw.version) && { version: raw.version }),
    };
  });
}

function isVersion(version: number | null | undefined): version is number {
  return typeof version === 'number' && Number.isSafeInteger(version) && version > 0;
}
