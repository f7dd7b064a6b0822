import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { baselineHistory, incidentHistory } from '../../lab/calibration.ts';
import type { Levers } from '../../lab/levers.ts';
import type { LoadReport } from '../../lab/load/report.ts';
import { LongConversations } from '../../lab/long-conversations.ts';
import { runPhases } from '../../lab/phases.ts';
import { isScenario, type Scenario, type ScenarioPlan, scenarios } from '../../lab/scenarios.ts';

const never = new AbortController().signal;
const times = { baselineSeconds: 0.01, incidentSeconds: 0.01 };

function reportOf(history: number, cpuMsPerRequest: number | null): LoadReport {
  return {
    users: 1,
    thinkMs: 1,
    history,
    documentKiB: 0,
    newQuestions: 0,
    seconds: 5,
    count: 25,
    errors: 0,
    p50: 400,
    p95: 600,
    meanHistory: history,
    cpuMsPerRequest,
  };
}

/** Levers that note what is done with them. */
function levers(reports: LoadReport[] = []) {
  const done: string[] = [];
  const all: Levers = {
    reports: () => reports,
    setLoad: (change) => void done.push(`load ${Object.keys(change)}`),
    lengthenConversations: () => void done.push('long conversations'),
    settle: () => {},
    setModel: async (change) => void done.push(`model ${JSON.stringify(change)}`),
    setStoreDelay: async (delayMs) => void done.push(`store ${delayMs}`),
    deploy: async (change) => void done.push(`deploy ${Object.keys(change)}`),
    throttleOneTask: async () => {
      done.push('throttle');
      return 'a task';
    },
    untilMemoryUsed: async (percent) => void done.push(`memory ${percent}`),
    raiseUntilSlower: async (times) => void done.push(`slower ${times}`),
    wait: async () => void done.push('wait'),
  };
  return { all, done };
}

const run = (plan: ScenarioPlan, all: Levers) =>
  runPhases(
    { ...plan, incidentSeconds: 0 },
    times,
    all,
    () => {},
    () => {},
    never,
  );

describe('phases', () => {
  test.each<[Scenario, string[]]>([
    ['healthy', []],
    ['cpu-constrained', ['long conversations']],
    ['llm-bound', ['model {"medianMs":2500}']],
    ['slow-dependency', ['store 700']],
    ['errors', ['model {"rateLimitShare":0.55}']],
    ['traffic', ['load users']],
    ['memory', ['load documentKiB', 'memory 86', 'slower 2']],
    ['gradual', ['load newQuestions']],
    ['one-bad-instance', ['throttle']],
    ['n-plus-one', ['deploy serviceVersion,retrieval']],
    ['bad-deploy-decoy', ['deploy serviceVersion', 'wait', 'store 700']],
  ])('%s is caused by its fault and nothing else', async (scenario, expected) => {
    const { all, done } = levers();
    await run(scenarios[scenario], all);
    expect(done).toEqual(expected);
  });

  test('progress grows to 1', async () => {
    const fractions: number[] = [];
    const { all } = levers([]);
    await runPhases(
      scenarios.healthy,
      times,
      all,
      () => {},
      (_text, fraction) => fractions.push(fraction),
      never,
    );
    expect(fractions).toEqual(fractions.toSorted((one, other) => one - other));
    expect(fractions.at(-1)).toBe(1);
  });

  test('a service that answers nothing is a Problem, not a fault of size zero', () => {
    const { all } = levers([reportOf(8, null), reportOf(8, null)]);
    expect(() => new LongConversations(all)).toThrow(expect.objectContaining({ code: 'empty' }));
  });

  test('they end at once when they are aborted', async () => {
    const abort = new AbortController();
    const { all } = levers([]);
    const running = runPhases(
      scenarios.healthy,
      { baselineSeconds: 600, incidentSeconds: 600 },
      all,
      () => {},
      () => {},
      abort.signal,
    );
    abort.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the size of the fault', () => {
  const speeds = fc.double({ min: 0.2, max: 6, noNaN: true });

  const fixedTurns = fc.double({ min: 2, max: 12, noNaN: true });

  test.prop([speeds, fixedTurns])('is the same CPU time on fast and slow machines', (turnMs, fixed) => {
    const cost = (history: number) => ({ history, cpuMsPerRequest: turnMs * (history + fixed) });
    const short = cost(baselineHistory(turnMs));
    const first = incidentHistory(short);
    const history = first > short.history ? incidentHistory(short, cost(first)) : first;
    const cores = (5 * cost(history).cpuMsPerRequest) / 1000;
    // A turn is the smallest step there is.
    const step = (5 * turnMs) / 1000;
    expect(Math.abs(cores - 0.66)).toBeLessThan(0.01 + step);
  });

  test('does not follow a measurement that cannot be', () => {
    const short = { history: 10, cpuMsPerRequest: 20 };
    const disturbed = incidentHistory(short, { history: 60, cpuMsPerRequest: 21 });
    expect(disturbed).toBeLessThan(4 * incidentHistory(short));
  });
});

test('scenarios are told from other words', () => {
  expect(Object.keys(scenarios).every(isScenario)).toBe(true);
  expect(isScenario('toString')).toBe(false);
});
