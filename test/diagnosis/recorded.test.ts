import { describe, expect, test } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { CauseKind, Diagnosis, Target, Verdict } from '../../src/diagnosis/diagnosis.ts';
import { replay } from './recorded/replay.ts';

/** What a right answer to a recorded run of the lab is. */
interface Golden {
  /** Any of them, where more than one is right. */
  readonly verdicts: readonly Verdict[];
  readonly kinds?: readonly CauseKind[];
  readonly target?: { readonly [Part in keyof Target]?: unknown };
  /** The target is the task that the lab held back. */
  readonly faultyInstance?: true;
  /** Releases that are not to blame, by a part of what is said about them. */
  readonly ruledOutChange?: string;
}

const SERVICE = 'otel-ai-chatbot';
const named = (part: string): unknown => expect.stringContaining(part);

const golden: Readonly<Record<string, Golden>> = {
  healthy: { verdicts: ['nothing-wrong'] },
  'cpu-constrained': {
    verdicts: ['cause'],
    kinds: ['cpu'],
    target: { service: SERVICE, resource: named('taskDefinition:TaskDefinition::task'), property: 'cpu' },
  },
  'llm-bound': {
    verdicts: ['infrastructure-is-not-the-cause'],
    kinds: ['dependency'],
    target: { service: SERVICE, dependency: named('openai') },
  },
  'slow-dependency': {
    verdicts: ['cause'],
    kinds: ['dependency'],
    target: { service: SERVICE, dependency: named('opensearch'), resource: named('domain:Domain::vectors') },
  },
  errors: {
    verdicts: ['infrastructure-is-not-the-cause'],
    kinds: ['errors'],
    target: { service: SERVICE, dependency: named('openai') },
  },
  traffic: {
    verdicts: ['cause'],
    // The load is what changed and the full processor is why that hurts: either is a right first answer.
    kinds: ['traffic', 'cpu'],
    target: { service: SERVICE },
  },
  memory: {
    verdicts: ['cause'],
    kinds: ['memory'],
    target: { service: SERVICE, resource: named('taskDefinition:TaskDefinition::task'), property: 'memory' },
  },
  // The same with a heap as large as the task: tasks are killed, and take their last spans along.
  'memory-killed': {
    verdicts: ['cause'],
    kinds: ['memory'],
    target: { service: SERVICE, resource: named('taskDefinition:TaskDefinition::task'), property: 'memory' },
  },
  gradual: {
    verdicts: ['cause', 'infrastructure-is-not-the-cause'],
    kinds: ['application'],
    target: { service: SERVICE },
  },
  'one-bad-instance': {
    verdicts: ['cause', 'infrastructure-is-not-the-cause'],
    // Whether its host or the code in it is at fault can't be read from outside; which task it is, can.
    kinds: ['throttling', 'cpu', 'application'],
    target: { service: SERVICE },
    faultyInstance: true,
  },
  'n-plus-one': {
    // The release caused it, and what it changed is the application: more machine would not help.
    verdicts: ['cause', 'infrastructure-is-not-the-cause'],
    kinds: ['application', 'change'],
    target: { service: SERVICE },
  },
  'bad-deploy-decoy': {
    verdicts: ['cause'],
    kinds: ['dependency'],
    target: { service: SERVICE, dependency: named('opensearch') },
    ruledOutChange: 'Release 1.0.1',
  },
};

/** Answers that the engine does not get right yet, with what it says instead. */
const NOT_YET: ReadonlySet<string> = new Set();

interface Answer {
  readonly diagnosis: Diagnosis;
  readonly text: string;
  readonly faultyInstance: string | undefined;
}

async function answerTo(scenario: string): Promise<Answer> {
  const { request, ports, faultyInstance, close } = await replay(scenario);
  try {
    const diagnosis = await diagnose(request, ports, new AbortController().signal);
    return { diagnosis, text: JSON.stringify(diagnosis), faultyInstance };
  } finally {
    await close();
  }
}

const first = new Map<string, ReturnType<typeof answerTo>>();

/** Asked once, for all tests that look at the answer. */
function firstAnswerTo(scenario: string): ReturnType<typeof answerTo> {
  const answer = first.get(scenario) ?? answerTo(scenario);
  first.set(scenario, answer);
  return answer;
}

describe('recorded runs of the lab', () => {
  for (const [scenario, expected] of Object.entries(golden)) {
    const { verdicts, kinds, target, ruledOutChange } = expected;
    const check = NOT_YET.has(scenario) ? test.fails : test;
    check(scenario, async () => {
      const { diagnosis, faultyInstance } = await firstAnswerTo(scenario);
      const { causes, ruledOut, evidence, requests } = diagnosis;
      expect(verdicts).toContain(diagnosis.verdict);
      if (kinds === undefined) expect(causes).toEqual([]);
      else {
        expect(kinds).toContain(causes[0]?.kind);
        expect(causes[0]?.target).toMatchObject(target ?? {});
      }
      if (expected.faultyInstance) expect(causes[0]?.target.instance).toBe(faultyInstance);
      if (ruledOutChange !== undefined) {
        const reasons = ruledOut.filter(({ kind }) => kind === 'change').map(({ reason }) => reason);
        expect(reasons).toContainEqual(named(ruledOutChange));
      }
      const shown = new Set(evidence.map(({ id }) => id));
      for (const cause of causes) for (const id of cause.evidence) expect(shown).toContain(id);
      expect(requests).toBeLessThanOrEqual(4);
    });
  }

  test.each(Object.keys(golden))(
    '%s: the same telemetry gives the same answer, byte for byte',
    async (scenario) => {
      expect((await answerTo(scenario)).text).toBe((await firstAnswerTo(scenario)).text);
    },
  );
});
