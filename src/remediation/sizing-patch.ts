import { type Diagnosis, SIZING_KINDS } from '../diagnosis/diagnosis.ts';
import type { SizingAdvice } from '../diagnosis/sizing-advice.ts';
import { isValidSize, type TaskSize } from '../infrastructure/fargate.ts';
import type { StackResource, StackSnapshot, Workload } from '../infrastructure/model.ts';
import { type CpuArchitecture, fargateMonthly } from '../infrastructure/prices.ts';
import { locateProperty } from '../infrastructure/pulumi/program/locate.ts';
import { inTheMannerOf, type Place } from '../infrastructure/pulumi/program/place.ts';
import { Problem } from '../problem.ts';
import { filesOf } from './check.ts';
import { complete } from './draft.ts';
import { buildEdits } from './edits.ts';
import { readProjectFile } from './project-files.ts';
import type { Edit, MonthlyCost, Proposal, RiskLevel } from './proposal.ts';
import { assessRisk } from './risk.ts';

export interface SizingRequest {
  readonly advice: SizingAdvice;
  readonly diagnosis: Diagnosis;
  readonly snapshot: StackSnapshot;
  readonly origin: Proposal['origin'];
  /** Epoch milliseconds. */
  readonly now: number;
}

interface Change {
  readonly property: 'cpu' | 'memory';
  readonly before: number;
  readonly after: number;
  readonly place: Place;
}

/**
 * A proposal that gives a task definition another size: found from the resource's place in the program, cpu and memory
 * both where Fargate wants both. A Problem where the program does not say what the stack has, or can't be followed.
 */
export async function sizingProposal(request: SizingRequest): Promise<Proposal> {
  const { advice, diagnosis, snapshot } = request;
  const { workload } = advice;
  if (diagnosis.verdict !== 'cause' || !SIZING_KINDS.has(advice.kind)) {
    throw new Problem(
      'refused',
      'The diagnosis gives no ground for another size.',
      'Look at what it names as the cause instead.',
    );
  }
  const taskDefinition = snapshot.resources.find((resource) => resource.urn === workload.taskDefinitionUrn);
  if (!taskDefinition) {
    throw new Problem(
      'not-found',
      `The stack ${snapshot.stack.fqn} does not hold the task definition of ${workload.service}.`,
      'Open the Pulumi project that declares it.',
    );
  }
  if (workload.launchType === 'FARGATE' && !isValidSize(advice.to)) {
    throw new Problem(
      'bad-input',
      `Fargate has no size of ${advice.to.cpuUnits} CPU units with ${advice.to.memoryMiB} MiB.`,
      'Choose a size from the Fargate table.',
    );
  }
  const changes = await changesOf(advice, snapshot, taskDefinition);
  const edits = await editsOf(snapshot.stack.projectDir, changes);
  const files = await filesOf(snapshot.stack.projectDir, edits);
  return complete(
    {
      title: titleOf(workload.service, changes),
      stack: snapshot.stack,
      edits,
      changes: changes.map(({ property, before, after }) => ({
        urn: taskDefinition.urn,
        property,
        before: String(before),
        after: String(after),
      })),
      kind: advice.kind,
      // What was slow, which may be a caller of the workload: it is what has to be faster afterwards.
      service: diagnosis.symptom?.service ?? workload.service,
      ...(diagnosis.symptom && { operation: diagnosis.symptom.operation }),
      rationale: [
        `The diagnosis names the ${advice.kind === 'memory' ? 'memory' : 'CPU'} of ${workload.service} as the cause.`,
        ...changes.map((change) => `${change.property} is set by ${change.place.described}.`),
      ],
      expected: expectedOf(request),
      cost: costOf(workload, advice.to, taskDefinition),
      risk: assessRisk(edits, risksOf(changes, snapshot, taskDefinition)),
      diagnosisId: diagnosis.id,
      origin: request.origin,
      createdAt: request.now,
    },
    files,
  );
}

async function changesOf(
  advice: SizingAdvice,
  snapshot: StackSnapshot,
  taskDefinition: StackResource,
): Promise<readonly Change[]> {
  const { workload, to } = advice;
  const wanted = [
    { property: 'cpu' as const, before: workload.cpuUnits, after: to.cpuUnits },
    { property: 'memory' as const, before: workload.memoryMiB, after: to.memoryMiB },
  ].filter(({ before, after }) => before !== after);
  if (wanted.length === 0) {
    throw new Problem(
      'bad-input',
      'The advised size is the one that is there.',
      'There is nothing to change.',
    );
  }
  const changes: Change[] = [];
  for (const change of wanted) {
    const place = await locateProperty({ snapshot, urn: taskDefinition.urn, property: change.property });
    if (inUnits(place.value) !== change.before) {
      throw new Problem(
        'stale',
        `${place.file} says ${change.property} ${place.value.slice(0, 40)} (${place.described}), the stack has ${change.before}.`,
        'Bring the stack and the program together first (`pulumi up` or `pulumi refresh`).',
      );
    }
    changes.push({ ...change, place });
  }
  const [first, second] = changes;
  if (first && second && first.place.file === second.place.file && first.place.start === second.place.start) {
    throw new Problem(
      'unsupported',
      `cpu and memory come from the same place (${first.place.described}).`,
      'Give them values of their own, then diagnose again.',
    );
  }
  return changes;
}

/** `512`, `.5 vCPU`, `1 GB` as CPU units or MiB; null for another text. */
function inUnits(value: string): number | null {
  const match = /^\s*(\d*\.?\d+)\s*(vcpu|gb)?\s*$/i.exec(value);
  const amount = Number(match?.[1]);
  if (!match || !Number.isFinite(amount)) return null;
  return match[2] === undefined ? amount : amount * 1024;
}

async function editsOf(projectDir: string, changes: readonly Change[]): Promise<readonly Edit[]> {
  const edits: Edit[] = [];
  for (const file of new Set(changes.map((change) => change.place.file))) {
    const current = await readProjectFile(projectDir, file);
    const own = changes.filter((change) => change.place.file === file);
    const moved = own.find(({ place }) => current.text.slice(place.start, place.end) !== place.text);
    if (moved) {
      throw new Problem('stale', `${file} was changed just now.`, 'Diagnose again.');
    }
    edits.push(
      ...buildEdits(
        current,
        own.map(({ place, after }) => ({
          start: place.start,
          end: place.end,
          newText: inTheMannerOf(place.text, String(after)),
        })),
      ),
    );
  }
  return edits;
}

function titleOf(service: string, changes: readonly Change[]): string {
  const words = changes.map(({ property, before, after }) =>
    property === 'cpu' ? `CPU ${before} → ${after}` : `memory ${before} → ${after} MiB`,
  );
  return `${service}: ${words.join(', ')}`;
}

function expectedOf({ advice }: SizingRequest): Proposal['expected'] {
  return { p95Before: advice.p95Before, p95After: advice.p95After, reasoning: advice.reasoning };
}

function costOf(workload: Workload, to: TaskSize, taskDefinition: StackResource): MonthlyCost | null {
  if (workload.launchType !== 'FARGATE') return null;
  const architecture = architectureOf(taskDefinition);
  const before = fargateMonthly(workload, workload.desiredCount, workload.region, architecture);
  const after = fargateMonthly(to, workload.desiredCount, workload.region, architecture);
  return { before: before.amount, after: after.amount, basis: after.basis };
}

function architectureOf(taskDefinition: StackResource): CpuArchitecture {
  const platform: unknown = taskDefinition.inputs['runtimePlatform'];
  const arm =
    platform !== null &&
    typeof platform === 'object' &&
    'cpuArchitecture' in platform &&
    platform.cpuArchitecture === 'ARM64';
  return arm ? 'ARM64' : 'X86_64';
}

function risksOf(changes: readonly Change[], snapshot: StackSnapshot, taskDefinition: StackResource) {
  const risks: { level: RiskLevel; reason: string }[] = [
    {
      level: 'low',
      reason:
        'A new revision of the task definition rolls the service over to new tasks, one after the other.',
    },
  ];
  const shared = [...new Set(changes.flatMap((change) => change.place.sharedWith))];
  if (shared.length > 0) {
    risks.push({
      level: 'medium',
      reason: `The same value feeds more than this: ${shared.slice(0, 5).join('; ')}.`,
    });
  }
  const users = snapshot.resources.filter(
    (one) => one.type.endsWith(':Service') && one.dependencies.includes(taskDefinition.urn),
  );
  if (users.length > 1) {
    risks.push({
      level: 'medium',
      reason: `${users.length} services run this task definition: ${users.map((one) => one.name).join(', ')}.`,
    });
  }
  if (snapshot.pendingOperations.length > 0) {
    risks.push({
      level: 'medium',
      reason: 'The last update of the stack was interrupted; the next one finishes it.',
    });
  }
  return risks;
}
