import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StackRef } from '../../infrastructure/model.ts';
import { Problem, toProblem } from '../../problem.ts';
import type { CheckedFile } from '../check.ts';
import type { PreviewResult, Proposal } from '../proposal.ts';
import { approvedFiles, bindingsNow } from './bind.ts';
import type { Previewed } from './case.ts';
import { confirmationReasons } from './confirmation.ts';
import { mismatches, stale } from './digests.ts';
import type { GatePorts, Progress } from './ports.ts';
import { type ParsedPreview, parsePreview } from './preview-steps.ts';
import { makeShadowCopy } from './shadow-copy.ts';

export interface PreviewRun {
  readonly ports: GatePorts;
  readonly proposal: Proposal;
  readonly diffSha256: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/**
 * Previews a proposal in a copy of its project and binds the approval to all that the result rests on. What the preview
 * leaves (the plan) lies in a private folder that the caller removes.
 */
export async function runPreview({
  ports,
  proposal,
  diffSha256,
  signal,
  progress,
}: PreviewRun): Promise<Previewed> {
  const started = ports.clock.now();
  progress('Reading the state of the stack', null);
  const files = await approvedFiles(proposal, diffSha256);
  const before = await bindingsNow(ports, proposal, files, null, signal);
  const stack = proposal.stack;
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'plumbline-plan-'));
  try {
    progress('Running pulumi preview in a copy of the project', null);
    const { parsed, planFile } = await previewInCopy(ports, stack, files, join(dir, 'plan.json'), signal);
    const bindings = await bindingsNow(ports, proposal, files, planFile, signal);
    const moved = mismatches({ ...before, plan: bindings.plan }, bindings);
    if (moved.length > 0) throw stale(moved);
    const reasons = confirmationReasons(parsed.steps);
    const result: PreviewResult = {
      steps: parsed.steps.map(({ urn, type, name, operation, properties }) => ({
        urn,
        type,
        name,
        operation,
        properties,
      })),
      summary: parsed.summary,
      diagnostics: parsed.diagnostics,
      needsTypedConfirmation: reasons.length > 0,
      confirmationReasons: reasons,
      durationMs: ports.clock.now() - started,
      binding: planFile === null ? 'steps' : 'plan',
    };
    return { result, bindings, stepsDigest: parsed.digest, dir, planFile };
  } catch (thrown) {
    await rm(dir, { recursive: true, force: true });
    throw thrown;
  }
}

/** Runs the preview in a fresh copy. Where no plan can be saved, or it names the copy, there is none: `planFile` is null. */
export async function previewInCopy(
  ports: GatePorts,
  stack: StackRef,
  files: readonly CheckedFile[],
  planFile: string | null,
  signal: AbortSignal,
): Promise<{ parsed: ParsedPreview; planFile: string | null }> {
  const copy = await makeShadowCopy(stack.projectDir, files, signal);
  const clean = (text: string) => copy.originalPaths(ports.updates.redact(text));
  const run = (plan: string | null) =>
    ports.updates.preview({ stack, cwd: copy.projectDir, planFile: plan, signal });
  try {
    let text: string;
    let saved = planFile;
    try {
      text = await run(planFile);
    } catch (thrown) {
      const problem = toProblem(thrown);
      // Programs that can't be planned are known (#11587, #16412 of pulumi/pulumi); the plain preview tells them from broken ones.
      if (planFile === null || problem.code !== 'internal' || !/\bplan\b/i.test(problem.message))
        throw problem;
      saved = null;
      text = await run(null);
    }
    if (saved !== null && !(await usable(saved, copy.root))) saved = null;
    return { parsed: parsePreview(text, clean), planFile: saved };
  } catch (thrown) {
    const problem = toProblem(thrown);
    throw new Problem(problem.code, clean(problem.message), clean(problem.nextStep), { cause: thrown });
  } finally {
    await copy.remove();
  }
}

/** A plan that holds paths of the copy would be violated by the same program in its own folder. */
async function usable(planFile: string, copyRoot: string): Promise<boolean> {
  if (!(await stat(planFile).catch(() => undefined))?.isFile()) return false;
  return !(await readFile(planFile, 'utf8')).includes(copyRoot);
}
