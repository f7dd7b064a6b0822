import type { EvidenceId, EvidenceSource, Target } from '../diagnosis.ts';
import type { Gathered } from '../gather/gathered.ts';
import type { Machine } from './case-file.ts';
import {
  type EvidenceBook,
  formatPercent,
  metricsSource,
  QUANTITY,
  quantities,
  quantity,
  stackSource,
} from './evidence.ts';
import { stackPage } from './evidence-links.ts';
import { type Utilisation, utilisationOf } from './saturation.ts';
import { periodsOf } from './windows.ts';

/** What each of these services runs on and how much of it was in use, with evidence for both. */
export function readMachines(
  gathered: Gathered,
  services: readonly string[],
  book: EvidenceBook,
): ReadonlyMap<string, Machine> {
  return new Map(
    services.map((service) => {
      const cpu = utilisationOf(gathered.metrics, 'cpu', { service }, gathered.windows);
      const memory = utilisationOf(gathered.metrics, 'memory', { service }, gathered.windows);
      const workload = gathered.workloads.find((one) => one.service === service) ?? null;
      const machine: Machine = {
        service,
        workload,
        cpu,
        memory,
        cpuEvidence: describeUse(gathered, service, cpu, book),
        memoryEvidence: describeUse(gathered, service, memory, book),
        reservationEvidence: describeReservation(gathered, service, book),
      };
      return [service, machine] as const;
    }),
  );
}

/** The task definition's property that says how much there is, where the stack is known to hold it. */
export function machineTarget({ service, workload }: Machine, property: 'cpu' | 'memory'): Target {
  const urn = workload?.taskDefinitionUrn;
  return { service, ...(urn === undefined ? {} : { resource: urn, property }) };
}

function describeUse(
  gathered: Gathered,
  service: string,
  use: Utilisation | null,
  book: EvidenceBook,
): EvidenceId | null {
  if (use === null || use.after === null) return null;
  const what = use.measurand === 'cpu' ? 'CPU' : 'memory';
  const earlier = use.before === null ? '' : `, ${formatPercent(use.before)} before`;
  return book.add({
    kind: 'utilisation',
    subject: { service },
    summary: `${service} used ${formatPercent(use.after)} of its ${what} reservation${earlier} (${use.measurand === 'memory' && gathered.windows.origin === 'slices' ? 'a median, and the least before' : 'medians'}).`,
    ...periodsOf(gathered.windows),
    numbers: quantities(
      quantity(QUANTITY.utilisationAfter, use.after, 'percent'),
      quantity(QUANTITY.utilisationBefore, use.before, 'percent'),
      quantity('points at the limit', use.atLimit, 'share'),
    ),
    n: use.points,
    source: metricsSource(gathered, use.series),
  });
}

function describeReservation(gathered: Gathered, service: string, book: EvidenceBook): EvidenceId | null {
  const workload = gathered.workloads.find((one) => one.service === service);
  if (workload === undefined) return null;
  const urn = workload.taskDefinitionUrn;
  return book.add({
    kind: 'reservation',
    subject: { service, ...(urn === undefined ? {} : { resource: urn }) },
    summary:
      `Each of ${workload.desiredCount} ${workload.desiredCount === 1 ? 'task' : 'tasks'} of ${service} reserves ` +
      `${workload.cpuUnits} CPU units and ${workload.memoryMiB} MiB: ${workload.joinedBy}.`,
    window: gathered.windows.incident,
    numbers: quantities(
      quantity(QUANTITY.cpuReserved, workload.cpuUnits, 'cpu-units'),
      quantity(QUANTITY.memoryReserved, workload.memoryMiB, 'MiB'),
      quantity(QUANTITY.tasks, workload.desiredCount, 'count'),
    ),
    n: 1,
    source: reservationSource(gathered, urn),
  });
}

/** The stack's own page, where its updates tell which backend holds it: a URN names no organisation. */
function reservationSource(gathered: Gathered, urn: string | undefined): EvidenceSource {
  const stack = stackOf(urn);
  const change = gathered.updates.find(({ stack: fqn }) => urn !== undefined && fqn.endsWith(`/${stack}`));
  return stackSource(stack, { urn, page: change && stackPage(change.stack, change.backend) });
}

/** `urn:pulumi:STACK::PROJECT::…` → `PROJECT/STACK`. */
export function stackOf(urn: string | undefined): string {
  const [head, project] = urn?.split('::') ?? [];
  const stack = head?.replace(/^urn:pulumi:/, '') ?? '';
  return project === undefined ? stack : `${project}/${stack}`;
}
