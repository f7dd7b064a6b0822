import { z } from 'zod';
import { canonicalJson, sha256 } from '../../content-hash.ts';
import { plainText } from '../../infrastructure/pulumi/redact.ts';
import { maskSecrets, parseJson } from '../../infrastructure/pulumi/state.ts';
import { Problem } from '../../problem.ts';
import type { PreviewResult, PreviewStep, StepOperation } from '../proposal.ts';

const State = z.looseObject({
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).nullish(),
  protect: z.boolean().default(false),
});

const Step = z.looseObject({
  op: z.string(),
  urn: z.string(),
  oldState: State.nullish(),
  newState: State.nullish(),
  replaceReasons: z.array(z.string()).nullish(),
  diffReasons: z.array(z.string()).nullish(),
  detailedDiff: z.record(z.string(), z.looseObject({ kind: z.string().optional() })).nullish(),
});

const Preview = z.looseObject({
  steps: z.array(Step).nullish(),
  diagnostics: z.array(z.looseObject({ message: z.string(), severity: z.string() })).nullish(),
  changeSummary: z.record(z.string(), z.number()).nullish(),
});

type RawStep = z.infer<typeof Step>;

/** What a preview would do, one step a resource, with what it needs to judge the danger of each. */
export interface ResourceStep extends PreviewStep {
  readonly oldInputs: Readonly<Record<string, unknown>>;
  readonly newInputs: Readonly<Record<string, unknown>>;
  readonly unprotects: boolean;
}

export interface ParsedPreview {
  readonly steps: readonly ResourceStep[];
  readonly summary: PreviewResult['summary'];
  readonly diagnostics: PreviewResult['diagnostics'];
  /** Digest of the steps with their inputs, for the binding without a plan. */
  readonly digest: string;
}

const OPERATIONS: Readonly<Record<string, StepOperation>> = {
  create: 'create',
  update: 'update',
  delete: 'delete',
  same: 'same',
  read: 'read',
  refresh: 'refresh',
  import: 'import',
  replace: 'replace',
  'create-replacement': 'replace',
  'delete-replaced': 'replace',
  'import-replacement': 'replace',
};

/** What the engine puts where a value is known only after the update. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const VALUE_CAP = 400;
const PROPERTIES_CAP = 100;

/** Reads what `preview --json` printed. Secrets are `[secret]`; `clean` takes out what else must not be shown. */
export function parsePreview(text: string, clean: (text: string) => string): ParsedPreview {
  const parsed = Preview.safeParse(parseJson(text, 'pulumi preview --json'));
  if (!parsed.success) {
    throw new Problem(
      'unsupported',
      'The preview has a shape that Plumbline does not know.',
      'Check that the Pulumi CLI is 3.240 or newer (`pulumi version`).',
      { cause: parsed.error },
    );
  }
  const byUrn = new Map<string, RawStep[]>();
  for (const step of parsed.data.steps ?? []) byUrn.set(step.urn, [...(byUrn.get(step.urn) ?? []), step]);
  const all = [...byUrn.values()].map((steps) => mergeSteps(steps, clean));
  const summary: Partial<Record<StepOperation, number>> = {};
  for (const step of all) summary[step.operation] = (summary[step.operation] ?? 0) + 1;
  const steps = all.filter((step) => step.operation !== 'same');
  return {
    steps,
    summary,
    diagnostics: (parsed.data.diagnostics ?? []).map((one) => ({
      severity: one.severity === 'error' ? 'error' : one.severity === 'warning' ? 'warning' : 'info',
      message: clean(plainText(one.message.trim(), 2_000)),
    })),
    digest: sha256(
      canonicalJson(
        steps
          .map(({ urn, operation, oldInputs, newInputs, unprotects }) => ({
            urn,
            operation,
            oldInputs,
            newInputs,
            unprotects,
          }))
          .sort((a, b) => (a.urn < b.urn ? -1 : 1)),
      ),
    ),
  };
}

/** A replacement is three steps of the engine and one for a person. */
function mergeSteps(steps: readonly RawStep[], clean: (text: string) => string): ResourceStep {
  const operations = steps.map((step) => OPERATIONS[step.op] ?? 'other');
  const named = operations.includes('replace') ? 'replace' : (operations[0] ?? 'other');
  const oldState = steps.find((step) => step.oldState)?.oldState ?? undefined;
  const newState = steps.find((step) => step.newState)?.newState ?? undefined;
  const protection = protectionOf(oldState, newState);
  // The engine calls a change of `protect` alone `same`: no provider is asked. For a person it is one.
  const operation = named === 'same' && protection.length > 0 ? 'update' : named;
  const oldInputs = masked(oldState?.inputs);
  const newInputs = operation === 'delete' ? {} : masked(newState?.inputs);
  const urn = steps[0]?.urn ?? '';
  const replaces = replacing(steps);
  const differences = leaves(oldInputs, newInputs);
  const shown = [...protection, ...(differences.length > 0 ? differences : namedOnly(steps))];
  return {
    urn,
    type: newState?.type ?? oldState?.type ?? urn.split('::')[2]?.split('$').at(-1) ?? '',
    name: urn.split('::').slice(3).join('::'),
    operation,
    properties: (operation === 'same' ? [] : shown)
      .slice(0, PROPERTIES_CAP)
      .map(({ path, before, after }) => ({
        path: plainText(path, 200),
        before: valueText(before, clean),
        after: valueText(after, clean),
        replaces: [...replaces].some(
          (one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`),
        ),
      })),
    oldInputs,
    newInputs,
    unprotects: oldState?.protect === true && newState?.protect !== true,
  };
}

function protectionOf(before: RawStep['oldState'], after: RawStep['newState']): Difference[] {
  if (!before || !after || before.protect === after.protect) return [];
  return [{ path: 'protect', before: before.protect, after: after.protect }];
}

function masked(inputs: Record<string, unknown> | null | undefined): Record<string, unknown> {
  const value = maskSecrets(inputs ?? {});
  return value !== null && typeof value === 'object' ? { ...value } : {};
}

function replacing(steps: readonly RawStep[]): Set<string> {
  const reasons = steps.flatMap((step) => step.replaceReasons ?? []);
  const detailed = steps.flatMap((step) =>
    Object.entries(step.detailedDiff ?? {})
      .filter(([, diff]) => diff.kind?.endsWith('-replace'))
      .map(([path]) => path),
  );
  return new Set([...reasons, ...detailed]);
}

/** Providers can name a difference that the inputs don't show (a drift, a computed value). */
function namedOnly(steps: readonly RawStep[]): Difference[] {
  const paths = steps.flatMap((step) => [
    ...Object.keys(step.detailedDiff ?? {}),
    ...(step.diffReasons ?? []),
  ]);
  return [...new Set(paths)].map((path) => ({ path, before: undefined, after: undefined }));
}

interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The innermost differences of two values, as paths like `containers[0].cpu`. Keys with two underscores are the SDK's own. */
function leaves(before: unknown, after: unknown, path = ''): Difference[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_, index) =>
      leaves(before[index], after[index], `${path}[${index}]`),
    ).flat();
  }
  if (isRecord(before) && isRecord(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((key) => !key.startsWith('__'))
      .flatMap((key) => leaves(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  return [{ path, before, after }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function valueText(value: unknown, clean: (text: string) => string): string | null {
  if (value === undefined || value === null) return null;
  if (value === UNKNOWN) return '(known after the update)';
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return plainText(clean(text.replaceAll(UNKNOWN, '(known after the update)')), VALUE_CAP);
}
