import type { CauseKind, EvidenceId, Gap, Target } from '../diagnosis.ts';
import type { Candidate, CaseFile, Findings, Machine } from './case-file.ts';
import { confidenceOf, type KindCertainty, likelihoods, type Signs } from './confidence.ts';
import { outlivesCallers, UNSURE } from './consistency.ts';
import { dependencyTarget, describeStore } from './dependency-question.ts';
import { explainedByFailing } from './errors-question.ts';
import { badInstance, describeInstances } from './instance-question.ts';
import { machineTarget } from './machines.ts';
import { misfitsOf } from './misfits.ts';
import { describeMoreCalls, describePlace } from './place-evidence.ts';
import type { Suspect } from './places/blame.ts';
import { INCIDENT } from './places/calls.ts';
import { kindOfWay } from './places/kind.ts';
import type { Place } from './places/places.ts';
import { describeOwnTime } from './processor-question.ts';
import { hasHeadroom, isPressed, isSaturated, ranFull } from './saturation.ts';
import { grewTogether } from './together.ts';

/** More suspects than this are a list of everything, not an answer. */
const MOST_SUSPECTS = 5;
/** Explaining less than this is noise beside what explains more. */
const LEAST_LISTED = 0.05;
/** Own work below this part of what a service is blamed for is the echo of a slow way, not work. */
const ECHO = 0.1;
/** Several operations of one process slowing in step is what a lack of CPU looks like from the traces alone. */
const IN_STEP = 3;
/** Places named as evidence for one cause. */
const MOST_PLACES = 3;

/** Who made requests slow? The blame over all places where time was lost, and what is the matter with those blamed. */
export function askSuspects(file: CaseFile): Findings {
  const candidates: Candidate[] = [];
  const gaps: Gap[] = [];
  for (const { suspect, likelihood, share } of blamed(file)) {
    const found = accuse(file, suspect);
    if (found === null) continue;
    if ('gap' in found) {
      gaps.push(found.gap);
      continue;
    }
    const { certainty, ...cause } = found;
    candidates.push({
      ...cause,
      share: Number(Math.min(1, share).toFixed(2)),
      weight: likelihood,
      confidence: Math.min(
        confidenceOf(signsOf(file, suspect, likelihood, certainty), share),
        isOdd(suspect) ? UNSURE : 1,
      ),
    });
  }
  return { candidates, ruledOut: [], gaps };
}

/** Whether what it is blamed for is mostly time that nobody can have waited for. */
function isOdd(suspect: Suspect): boolean {
  const odd = suspect.places.filter(({ place }) => outlivesCallers(place.operation));
  const sum = (all: Suspect['places']): number => all.reduce((total, { lost }) => total + lost, 0);
  return sum(odd) > sum(suspect.places) / 2;
}

/** The leading accusation and what its confidence is made of, for the calibration. Null where nobody is accused. */
export function leadingSigns(
  file: CaseFile,
): { readonly service: string; readonly kind: CauseKind; readonly signs: Signs } | null {
  const [first] = blamed(file);
  const found = first === undefined ? null : accuse(file, first.suspect);
  if (first === undefined || found === null || 'gap' in found) return null;
  return {
    service: first.suspect.service,
    kind: found.kind,
    signs: signsOf(file, first.suspect, first.likelihood, found.certainty),
  };
}

interface Blamed {
  readonly suspect: Suspect;
  readonly likelihood: number;
  readonly share: number;
}

function blamed(file: CaseFile): readonly Blamed[] {
  if (!file.isSlow) return [];
  const byFailing = explainedByFailing(file);
  const suspects = file.culprits.suspects.filter((suspect) => !byFailing.has(suspect));
  const lost = suspects.reduce((sum, suspect) => sum + suspect.explained, 0);
  // What no place accounts for is explained by nobody.
  const whole = Math.max(
    lost,
    file.gathered.scope === 'symptom' ? (file.growth ?? 0) * file.after.requests : 0,
  );
  const likely = likelihoods(suspects.map((suspect) => suspect.weight));
  return suspects
    .map((suspect, index) => ({
      suspect,
      likelihood: likely[index] ?? 0,
      share: whole > 0 ? suspect.explained / whole : 0,
    }))
    .slice(0, MOST_SUSPECTS)
    .filter(({ share }) => share >= LEAST_LISTED);
}

function signsOf(file: CaseFile, suspect: Suspect, likelihood: number, certainty: KindCertainty): Signs {
  const [top] = suspect.places;
  return {
    likelihood,
    certainty,
    material: Math.max(
      0,
      ...suspect.places.map(({ place }) => place.material * place.degree),
      ...suspect.repeated.map((more) => more.material),
    ),
    baselines: file.gathered.windows.baselines.length,
    spans: top?.place.count ?? suspect.repeated[0]?.operation.windows.get(INCIDENT)?.count ?? 0,
    misfits: misfitsOf(file).length,
  };
}

type Accusation = Pick<Candidate, 'kind' | 'target' | 'evidence' | 'inStack'> & {
  readonly certainty: KindCertainty;
};

function accuse(file: CaseFile, suspect: Suspect): Accusation | { readonly gap: Gap } | null {
  const dependency = file.dependencies.get(suspect.service);
  if (dependency !== undefined) return accuseDependency(file, suspect);
  const machine = file.machines.get(suspect.service);
  const [top] = suspect.places;
  if (suspect.moreCalls > suspect.ownWork + suspect.onTheWay) return accuseCaller(file, suspect);
  const kind = kindOf(suspect, machine);
  if (
    kind.kind === 'application' &&
    machine !== undefined &&
    hasHeadroom(machine.cpu) &&
    grewTogether(file)
  ) {
    return {
      gap: {
        what: `${suspect.service} and what it calls`,
        why: 'All of it became slower by about the same factor while its CPU reservation was not used up, as when the host itself is short of time.',
        nextStep: 'Compare with another task of the service, and look again when the host is quiet.',
      },
    };
  }
  const target = targetOf(suspect, kind.kind, machine, top?.place);
  const instance = badInstance(file, suspect.service);
  const own = file.parts.processes.find((part) => part.service === suspect.service);
  const isMachine = kind.kind === 'cpu' || kind.kind === 'memory';
  return {
    ...kind,
    target: { ...target, ...(instance === null ? {} : { instance: instance.instance }) },
    evidence: present([
      ...(isMachine || kind.kind === 'application' ? machineEvidence(machine, kind.kind) : []),
      instance === null ? null : describeInstances(file, instance),
      kind.kind !== 'network' && own !== undefined ? describeOwnTime(file, own) : null,
      ...(own !== undefined && suspect.ownWork > suspect.onTheWay
        ? []
        : placeEvidence(file, suspect, own !== undefined && kind.kind !== 'network')),
      file.latencyEvidence,
    ]),
    inStack: isMachine && target.resource !== undefined,
  };
}

/** What is the matter with a service that is slow: its machine, its work, or the way to it. */
function kindOf(
  suspect: Suspect,
  machine: Machine | undefined,
): { readonly kind: CauseKind; readonly certainty: KindCertainty } {
  const cpu = machine?.cpu ?? null;
  const memory = machine?.memory ?? null;
  const isRead = cpu !== null && cpu.after !== null;
  const works = suspect.ownWork > ECHO * (suspect.ownWork + suspect.onTheWay);
  if (works && memory !== null && isSaturated(memory) && ranFull(memory)) {
    // Collecting garbage takes the CPU as well, so memory that ran full with the slowdown comes first.
    return { kind: 'memory', certainty: 'likely' };
  }
  if (suspect.cpu > CPU_SPEAKS || (!suspect.isCalm && isSaturated(cpu)))
    return { kind: 'cpu', certainty: isSaturated(cpu) ? 'sure' : 'likely' };
  if (works) {
    if (isRead) return { kind: 'application', certainty: isPressed(cpu) ? 'guess' : 'sure' };
    const slower = suspect.places.filter(({ place }) => place.callee === null && place.degree > 0);
    return { kind: slower.length >= IN_STEP ? 'cpu' : 'application', certainty: 'guess' };
  }
  const kind = kindOfWay(suspect.everyCall, isRead);
  return { kind, certainty: isRead ? 'sure' : kind === 'network' ? 'likely' : 'guess' };
}

/** The CPU's degree that also decides between both ends of a way (cpu-use.ts): about 70 % in use and risen, where waiting has doubled. */
const CPU_SPEAKS = 0.3;

function accuseDependency(file: CaseFile, suspect: Suspect): Accusation | null {
  const [top] = suspect.places;
  const dependency = file.dependencies.get(suspect.service);
  if (top === undefined || dependency === undefined) return null;
  const { operation } = top.place;
  const target = dependencyTarget(file, dependency, operation);
  const caller = file.machines.get(operation.service);
  return {
    kind: 'dependency',
    // A machine with CPU to spare leaves only the other side to be slow; a full one makes any call look slow.
    certainty:
      isPressed(caller?.cpu ?? null) && !file.culprits.calm.has(operation.service)
        ? 'guess'
        : caller?.cpu
          ? 'sure'
          : 'likely',
    target,
    evidence: present([
      ...placeEvidence(file, suspect, false),
      target.resource === undefined
        ? null
        : describeStore(file, target.resource, dependency, operation.service),
      caller?.cpuEvidence ?? null,
      file.latencyEvidence,
    ]),
    inStack: target.resource !== undefined,
  };
}

/** Many more calls are the caller's doing, unless they are repeated because they fail: that is asked of errors. */
function accuseCaller(file: CaseFile, suspect: Suspect): Accusation | null {
  const [most] = suspect.repeated.toSorted((a, b) => b.lost - a.lost);
  if (most === undefined) return null;
  return {
    kind: 'application',
    certainty: 'sure',
    target: { service: suspect.service, operation: most.operation.operation },
    evidence: present([
      ...suspect.repeated.slice(0, MOST_PLACES).map((more) => describeMoreCalls(file, more)),
      file.latencyEvidence,
    ]),
    inStack: false,
  };
}

function targetOf(
  suspect: Suspect,
  kind: CauseKind,
  machine: Machine | undefined,
  top: Place | undefined,
): Target {
  const { service } = suspect;
  if (kind === 'cpu' || kind === 'memory')
    return machine === undefined ? { service } : machineTarget(machine, kind);
  if (kind !== 'application') return { service };
  const work = suspect.places.find(({ place }) => place.callee === null)?.place ?? top;
  return { service, ...(work === undefined ? {} : { operation: work.operation.operation }) };
}

function machineEvidence(machine: Machine | undefined, kind: CauseKind): readonly (EvidenceId | null)[] {
  if (machine === undefined) return [];
  return kind === 'memory'
    ? [machine.memoryEvidence, machine.cpuEvidence, machine.reservationEvidence]
    : [machine.cpuEvidence, kind === 'cpu' ? machine.reservationEvidence : null];
}

/** The largest places; of own work none where the process as a whole is described. */
function placeEvidence(file: CaseFile, suspect: Suspect, waysOnly: boolean): readonly EvidenceId[] {
  return present(
    suspect.places
      .filter(({ place }) => !waysOnly || place.callee !== null)
      .slice(0, MOST_PLACES)
      .map(({ place }) => describePlace(file, place)),
  );
}

function present(ids: readonly (EvidenceId | null)[]): readonly EvidenceId[] {
  return [...new Set(ids.filter((id) => id !== null))];
}
