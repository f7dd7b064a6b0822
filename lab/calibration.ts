import { buildPrompt } from './chatbot/prompt.ts';
import { CANDIDATES, Pacer, type Passage, rerank } from './chatbot/rank.ts';
import { CORPUS } from './cloud/opensearch/corpus.ts';
import { makeConversation, nextQuestion } from './load/conversation.ts';

/**
 * How the load is sized, so that the fault is the same on slow and fast machines: by CPU time, not by counts.
 *
 * Closed-loop users ask users / (think time + answer time) questions a second. Long pauses make that rate nearly
 * independent of the answer time, so a task that is too small falls behind instead of slowing its users down.
 */
export const LOAD = { users: 40, thinkMs: 7_400 } as const;

/** About what an answer takes in a healthy lab, milliseconds: the model server's time and a little work. */
const ANSWER_MS = 600;
/** Cores that the baseline should use: a fifth of a task with 512 CPU units. */
const BASELINE_CORES = 0.1;
/**
 * Cores that long conversations ask for: well more than 512 units give, and well below what 1024 give. Just above the
 * quota the queue is a magnifying glass: 8 % of the machine's speed, lost to a preview that runs beside, doubled the P95.
 */
const INCIDENT_CORES = 0.66;
/** What a request costs beside its conversation (HTTP, JSON, spans, their export), as a number of turns. */
const FIXED_COST_TURNS = 6;

const questionsPerSecond = LOAD.users / ((LOAD.thinkMs + ANSWER_MS) / 1000);

/** Turns for a baseline that uses so many cores, from what one turn costs on this machine (milliseconds of CPU time). */
export function baselineHistory(turnCostMs: number, cores = BASELINE_CORES): number {
  return turnsFor(cpuMsFor(cores), turnCostMs, FIXED_COST_TURNS * turnCostMs);
}

/** What requests with conversations of about one length have cost the running service. */
export interface MeasuredCost {
  /** Turns, on average. */
  readonly history: number;
  readonly cpuMsPerRequest: number;
}

/**
 * Turns for the incident. From short conversations alone this is a first guess; once long ones have been measured too,
 * the line through both says what a turn costs and what is fixed.
 */
export function incidentHistory(short: MeasuredCost, long?: MeasuredCost): number {
  const guess = short.cpuMsPerRequest / (short.history + FIXED_COST_TURNS);
  const rise = long && (long.cpuMsPerRequest - short.cpuMsPerRequest) / (long.history - short.history);
  // A measurement that was disturbed may say that turns cost next to nothing: it must not make conversations endless.
  const turnMs = rise === undefined ? guess : Math.min(Math.max(rise, guess / 3), guess * 3);
  const fixedMs = Math.max(0, short.cpuMsPerRequest - turnMs * short.history);
  return turnsFor(cpuMsFor(INCIDENT_CORES), turnMs, fixedMs);
}

/** CPU milliseconds that one request may cost for the load to use so many cores. */
function cpuMsFor(cores: number): number {
  return (cores / questionsPerSecond) * 1000;
}

function turnsFor(cpuMs: number, turnMs: number, fixedMs: number): number {
  return Math.max(2, Math.round((cpuMs - fixedMs) / turnMs));
}

const WARM_UP_MS = 200;
const MEASURE_MS = 300;
const SAMPLE_TURNS = 20;

/** CPU milliseconds that one turn of a conversation costs here, by doing the chatbot's own work for a moment. */
export async function measureTurnCost(signal?: AbortSignal): Promise<number> {
  const passages = samplePassages();
  const answer = async (round: number): Promise<void> => {
    signal?.throwIfAborted();
    const pacer = new Pacer();
    const history = makeConversation(SAMPLE_TURNS, round);
    const ranked = await rerank(nextQuestion(round), history, passages, pacer);
    await buildPrompt(nextQuestion(round), history, ranked, pacer);
  };
  // Compilers of the runtime work in the first rounds: those would make the machine look slow.
  for (let round = 0, until = performance.now() + WARM_UP_MS; performance.now() < until; round += 1)
    await answer(round);
  const before = process.cpuUsage();
  let rounds = 0;
  for (const until = performance.now() + MEASURE_MS; performance.now() < until; rounds += 1)
    await answer(rounds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (rounds * SAMPLE_TURNS);
}

/** As many passages as the chatbot asks the vector store for, from the same corpus. */
function samplePassages(): Passage[] {
  return CORPUS.slice(0, CANDIDATES).map((passage, index) => ({ ...passage, id: String(index), score: 0 }));
}
