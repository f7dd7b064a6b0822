/** The part of `--json` that a scenario is judged on. */
export interface ScenarioReport {
  readonly scenario: string;
  /** The task that the lab held back, for comparing the answer with. */
  readonly faultyInstance?: string;
  readonly verdict: string;
  readonly causes: readonly {
    readonly kind: string;
    readonly target: {
      readonly service: string;
      readonly operation?: string;
      readonly instance?: string;
      readonly resource?: string;
      readonly property?: string;
      readonly dependency?: string;
    };
    readonly share: number | null;
    readonly confidence: number;
    readonly evidence: readonly string[];
  }[];
  readonly ruledOut: readonly { readonly kind: string; readonly reason: string }[];
  readonly evidence: readonly {
    readonly id: string;
    readonly numbers: readonly { readonly unit: string; readonly value: number }[];
  }[];
  readonly patch?: {
    readonly diff: string;
    readonly changes: readonly { readonly property: string; readonly after: string }[];
  };
  readonly requests: number;
}

type Condition = readonly [name: string, met: boolean];
type Expectation = (report: ScenarioReport) => readonly string[];

const SERVICE = 'otel-ai-chatbot';
const SOFTWARE_VERDICTS: readonly string[] = ['cause', 'infrastructure-is-not-the-cause'];

/** What a right answer to each scenario of the lab is; each gives what is not so. */
export const expectations: Readonly<Record<string, Expectation>> = {
  'one-bad-instance': (report) => {
    const [first] = report.causes;
    return unmet([
      // Whether the host or the code in it is at fault can't be read from outside; which task it is, can.
      ['a cause is named', SOFTWARE_VERDICTS.includes(report.verdict)],
      ['it is the service’s', first?.target.service === SERVICE],
      ['it is the task that was held back', isSame(first?.target.instance, report.faultyInstance)],
      ...noPatch(report),
    ]);
  },
  'cpu-constrained': (report) => {
    const [first] = report.causes;
    return unmet([
      ['the verdict is cause', report.verdict === 'cause'],
      ['the first cause is cpu', first?.kind === 'cpu'],
      ...namesTaskDefinition(report, 'cpu'),
      ['its evidence holds the utilisation against the reservation', citesPercent(report, 80)],
      ...patchTo(report, { cpu: '1024', memory: '2048' }),
    ]);
  },
  'llm-bound': (report) =>
    unmet([
      ['the infrastructure is not the cause', report.verdict === 'infrastructure-is-not-the-cause'],
      ['a dependency is named', report.causes[0]?.kind === 'dependency'],
      ['it is the model server', /openai/.test(report.causes[0]?.target.dependency ?? '')],
      ...noPatch(report),
    ]),
  healthy: (report) =>
    unmet([
      ['nothing is wrong', report.verdict === 'nothing-wrong'],
      ['no cause is named', report.causes.length === 0],
      ...noPatch(report),
    ]),
  'slow-dependency': (report) =>
    unmet([
      ['the verdict is cause: the store is a resource of the stack', report.verdict === 'cause'],
      ...namesVectorStore(report),
      ...noPatch(report),
    ]),
  errors: (report) =>
    unmet([
      ['the infrastructure is not the cause', report.verdict === 'infrastructure-is-not-the-cause'],
      ['the first cause is errors', report.causes[0]?.kind === 'errors'],
      ['it is the calls to the model server', /openai/.test(report.causes[0]?.target.dependency ?? '')],
      ...noPatch(report),
    ]),
  traffic: (report) =>
    unmet([
      ['the verdict is cause', report.verdict === 'cause'],
      // The load is what changed, the full processor is why that hurts: either is a right first answer, and a larger
      // task helps. But that the load grew must be among what is said.
      ['the first cause is the traffic or the CPU that it fills', isOneOf(report, ['traffic', 'cpu'])],
      ['it names the service', report.causes[0]?.target.service === SERVICE],
      ['traffic is among the causes', report.causes.some(({ kind }) => kind === 'traffic')],
      ...patchTo(report, { cpu: '1024', memory: '2048' }),
    ]),
  memory: (report) =>
    unmet([
      ['the verdict is cause', report.verdict === 'cause'],
      ['the first cause is memory', report.causes[0]?.kind === 'memory'],
      ...namesTaskDefinition(report, 'memory'),
      ['its evidence holds the utilisation against the reservation', citesPercent(report, 85)],
      ...patchTo(report, { memory: '2048' }),
    ]),
  gradual: (report) =>
    unmet([
      ['a cause is named', SOFTWARE_VERDICTS.includes(report.verdict)],
      ['the first cause is the application', report.causes[0]?.kind === 'application'],
      ['it names the service', report.causes[0]?.target.service === SERVICE],
      ...noPatch(report),
    ]),
  'bad-deploy-decoy': (report) =>
    unmet([
      ['the verdict is cause', report.verdict === 'cause'],
      ...namesVectorStore(report),
      ['no change is blamed', report.causes.every(({ kind }) => kind !== 'change')],
      [
        'the release is ruled out',
        report.ruledOut.some(({ kind, reason }) => kind === 'change' && reason.includes('Release 1.0.1')),
      ],
      ...noPatch(report),
    ]),
  'n-plus-one': (report) =>
    unmet([
      // The release caused it, and what it changed is the application: both verdicts say so.
      ['a cause is named', SOFTWARE_VERDICTS.includes(report.verdict)],
      ['the first cause is the application or the release', isOneOf(report, ['application', 'change'])],
      ['it names the service', report.causes[0]?.target.service === SERVICE],
      ...noPatch(report),
    ]),
};

/** What holds for every answer: it cites only evidence it shows, and stays in its budget. */
export function general(report: ScenarioReport): readonly string[] {
  const known = new Set(report.evidence.map(({ id }) => id));
  return unmet([
    ['at most four query results', report.requests <= 4],
    ['every cited id is shown', report.causes.every(({ evidence }) => evidence.every((id) => known.has(id)))],
    ['every cause cites evidence', report.causes.every(({ evidence }) => evidence.length > 0)],
  ]);
}

function unmet(conditions: readonly Condition[]): readonly string[] {
  return conditions.filter(([, met]) => !met).map(([name]) => name);
}

function noPatch(report: ScenarioReport): readonly Condition[] {
  return [['no patch is offered: a larger task would not help', report.patch === undefined]];
}

function patchTo(report: ScenarioReport, wanted: Readonly<Record<string, string>>): readonly Condition[] {
  const after = new Map(report.patch?.changes.map((change) => [change.property, change.after]));
  return Object.entries(wanted).map(([property, value]) => [
    `the patch raises ${property} to ${value}`,
    after.get(property) === value,
  ]);
}

function namesTaskDefinition(report: ScenarioReport, property: string): readonly Condition[] {
  const target = report.causes[0]?.target;
  return [
    ['it names the service', target?.service === SERVICE],
    ['it names the task definition', /taskDefinition/i.test(target?.resource ?? '')],
    [`it names the property ${property}`, target?.property === property],
  ];
}

function namesVectorStore(report: ScenarioReport): readonly Condition[] {
  const first = report.causes[0];
  return [
    ['the first cause is a dependency', first?.kind === 'dependency'],
    ['it is the vector store', /opensearch/.test(first?.target.dependency ?? '')],
    ['it names the domain', /opensearch\/domain:Domain::vectors$/.test(first?.target.resource ?? '')],
  ];
}

function isOneOf(report: ScenarioReport, kinds: readonly string[]): boolean {
  return kinds.includes(report.causes[0]?.kind ?? '');
}

function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

/** True when the first cause rests on a share of at least so many percent. */
function citesPercent(report: ScenarioReport, least: number): boolean {
  return report.evidence
    .filter(({ id }) => report.causes[0]?.evidence.includes(id))
    .some(({ numbers }) => numbers.some(({ unit, value }) => unit === 'percent' && value >= least));
}
