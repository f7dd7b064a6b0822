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

async function answerTo(scenario: string): Promise<{ diagnosis: Diagnosis; text: string }> {
  const { request, ports, close } = await replay(scenario);
  try {
    const diagnosis = await diagnose(request, ports, new AbortController().signal);
    return { diagnosis, text: JSON.stringify(diagnosis) };
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
  for (const [scenario, { verdicts, kinds, target, ruledOutChange }] of Object.entries(golden)) {
    const check = NOT_YET.has(scenario) ? test.fails : test;
    check(scenario, async () => {
      const { diagnosis } = await firstAnswerTo(scenario);
      const { causes, ruledOut, evidence, requests } = diagnosis;
      expect(verdicts).toContain(diagnosis.verdict);
      if (kinds === undefined) expect(causes).toEqual([]);
      else {
        expect(kinds).toContain(causes[0]?.kind);
        expect(causes[0]?.target).toMatchObject(target ?? {});
      }
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
