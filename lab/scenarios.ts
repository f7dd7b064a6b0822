import { LOAD } from './calibration.ts';
import type { Levers, StackConfig } from './levers.ts';

/** What a scenario does to the running system once its healthy baseline is over. */
export interface ScenarioPlan {
  /** What is caused, in words for the log. */
  readonly caused: string;
  /** The stack's configuration, where it differs from the healthy one already before the baseline. */
  readonly stack?: Partial<StackConfig>;
  /** Cores that the baseline's load uses, where it is not the usual. */
  readonly baselineCores?: number;
  /** KiB of the document that each question of the baseline carries. */
  readonly documentKiB?: number;
  /** The fault stays in the memory of the tasks: what comes after it needs fresh ones. */
  readonly fillsTasks?: boolean;
  /** The fault takes at least so long to show, from the moment it is caused. */
  readonly incidentSeconds?: number;
  /** Causes the fault; resolves when it is there. */
  cause(levers: Levers): Promise<void>;
}

/** Median answer time of the model server as long as nothing is wrong, milliseconds. */
export const HEALTHY_MODEL_MS = 350;
/** What a search takes in a healthy vector store: that of a managed domain in the same region. */
export const HEALTHY_STORE_MS = 20;

/** Every scenario starts from the same healthy system: `LabLevers.prepare` puts it back. */
export const scenarios = {
  // In this order a series has the fewest deployments to wait for.
  'one-bad-instance': {
    caused: 'the host of one of two tasks gives it no more CPU time than it has used until now',
    stack: { desiredCount: '2' },
    baselineCores: 0.2,
    incidentSeconds: 26,
    cause: async (levers) => void (await levers.throttleOneTask(1)),
  },
  'cpu-constrained': {
    caused: 'conversations grow longer, so that each answer costs more CPU',
    incidentSeconds: 26,
    cause: async (levers) => levers.lengthenConversations(),
  },
  'llm-bound': {
    caused: 'the model server answers slowly',
    cause: (levers) => levers.setModel({ medianMs: 2_500 }),
  },
  healthy: {
    caused: 'nothing',
    cause: async () => {},
  },
  'slow-dependency': {
    caused: 'the vector store answers slowly',
    cause: (levers) => levers.setStoreDelay(700),
  },
  errors: {
    caused:
      'the model server turns half of the calls away (429); the chatbot asks again, and gives up after two retries',
    cause: (levers) => levers.setModel({ rateLimitShare: 0.55 }),
  },
  traffic: {
    caused: 'three times as many people ask',
    // At the usual load three times as much would still find room in the task.
    baselineCores: 0.25,
    incidentSeconds: 24,
    cause: async (levers) => levers.setLoad({ users: 3 * LOAD.users }),
  },
  memory: {
    caused: 'people attach larger documents, until the indexes of those that are kept fill the task’s memory',
    documentKiB: 4,
    fillsTasks: true,
    cause: async (levers) => {
      levers.setLoad({ documentKiB: 120 });
      await levers.untilMemoryUsed(86);
      // How much has to be collected until it hurts is the machine's; what is kept stays the same.
      await levers.raiseUntilSlower(2, 6, (step) => ({ documentKiB: 120 + 40 * step }));
    },
  },
  gradual: {
    caused:
      'people ask what nobody has asked before; a list that is never pruned is searched for each question',
    fillsTasks: true,
    incidentSeconds: 28,
    cause: async (levers) => levers.setLoad({ newQuestions: 1 }),
  },
  'bad-deploy-decoy': {
    caused: 'a harmless release is rolled out; a while later the vector store answers slowly',
    cause: async (levers) => {
      await levers.deploy({ serviceVersion: '1.0.1' }, 'Release 1.0.1');
      await levers.wait(10);
      await levers.setStoreDelay(700);
    },
  },
  'n-plus-one': {
    caused: 'a release is rolled out that searches for each term of a question by itself',
    cause: (levers) => levers.deploy({ serviceVersion: '1.1.0', retrieval: 'terms' }, 'Release 1.1.0'),
  },
} as const satisfies Record<string, ScenarioPlan>;

export type Scenario = keyof typeof scenarios;

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(scenarios, name);
}
