/** What a scenario does to the running system once its healthy baseline is over. */
export interface ScenarioPlan {
  /** What is caused, in words for the log. */
  readonly caused: string;
  /** Conversations grow until answering them costs more CPU than the task's first size has. */
  readonly longConversations: boolean;
  /** Median answer time of the model server from then on, milliseconds. */
  readonly modelMedianMs: number;
}

/** Median answer time of the model server as long as nothing is wrong. */
export const HEALTHY_MODEL_MS = 350;

/** Every scenario starts with the same baseline: short conversations and a model server that answers in time. */
export const scenarios = {
  'cpu-constrained': {
    caused: 'conversations grow longer, so that each answer costs more CPU',
    longConversations: true,
    modelMedianMs: HEALTHY_MODEL_MS,
  },
  'llm-bound': {
    caused: 'the model server answers slowly',
    longConversations: false,
    modelMedianMs: 2_500,
  },
  healthy: {
    caused: 'nothing',
    longConversations: false,
    modelMedianMs: HEALTHY_MODEL_MS,
  },
} as const satisfies Record<string, ScenarioPlan>;

export type Scenario = keyof typeof scenarios;

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(scenarios, name);
}
