import type { Answer } from '../answer.ts';
import { median, quantile, robustSpread } from '../statistics.ts';

/** Readings of one node: `metric:statistic` → epoch seconds → value. */
export type NodeSeries = ReadonlyMap<string, ReadonlyMap<number, number>>;

export interface MapQuestion {
  /** The node whose users complain, and what about. */
  readonly node: string;
  readonly measure: 'latency' | 'availability';
  /** `latency:Average`, `availability:Average`…: which reading is compared. */
  readonly reading: string;
  /** Reading that counts requests. */
  readonly requests: string;
  readonly calls: readonly { readonly caller: string; readonly callee: string }[];
  readonly incident: ReadonlyMap<string, NodeSeries>;
  readonly baseline: ReadonlyMap<string, NodeSeries>;
}

/** One node at one point: how far above its level, in steps of its usual wandering, and what that cost in all. */
interface Excess {
  readonly steps: number;
  /** Seconds lost, or requests failed. */
  readonly cost: number;
  readonly requests: number;
}
type Excesses = ReadonlyMap<string, ReadonlyMap<number, Excess>>;

/** A baseline of fewer points has no spread to speak of. */
const LEAST_POINTS = 8;
/** A level wanders by a twentieth between two points even where the baseline happens to be smooth. */
const USUAL = 0.05;
/** The upper twentieth of a normal distribution begins here: heavy tails widen the spread, rare outliers don't. */
const TAIL = { quantile: 0.95, steps: 1.645 } as const;
/** Chance goes so far once in 700 points, and 40 nodes have 5 points each: such a point may take part, no more. */
const TAKES_PART = 3;
/** What a cause has to reach at least once while the symptom is there. */
const CONVINCES = 4;
/** The symptom itself adds up many calls, which levels it; it need only be above its usual upper range. */
const SYMPTOM_RISES = 1.5;
/** A blip is over by the next point. */
const LASTS = 2;
/** Less than this of what the symptom lost is not its cause. */
const EXPLAINS = 0.3;

/** Where a node's level is taken from. */
type Level = 'calm-and-baseline' | 'baseline';

/**
 * Which node below the symptom made it slow or unavailable. A node's level is the higher of two: its baseline's
 * median, and the calm quarter of the incident's own points — a baseline of another month or load alone accuses
 * everything that has changed since. Only where the incident has no calm quarter does the baseline alone decide.
 * What a node's callees lost is taken off what it lost, so the deepest that explains the symptom is left. Pure.
 */
export function reasonFromMap(question: MapQuestion): Answer {
  const first = reason(question, 'calm-and-baseline');
  return first.verdict === 'nothing-wrong' && isHighThroughout(question)
    ? reason(question, 'baseline')
    : first;
}

function reason(question: MapQuestion, level: Level): Answer {
  const excesses: Excesses = new Map(
    [...reachable(question)]
      .map((node) => [node, excessOf(question, node, level)] as const)
      .filter(([, found]) => found.size > 0),
  );
  const symptom = excesses.get(question.node);
  if (symptom === undefined) return { verdict: 'undetermined', ranking: [] };
  const times = [...symptom.keys()].sort((a, b) => a - b);
  const total = times.reduce((sum, time) => sum + (symptom.get(time)?.cost ?? 0), 0);
  if (total <= 0) return { verdict: 'nothing-wrong', ranking: [] };
  const found = [...excesses.keys()]
    .map((node) => weigh(question, excesses, { node, times, symptom, total }))
    .filter((one) => one.explained > 0)
    .sort((a, b) => b.explained - a.explained || b.cost - a.cost || (a.node < b.node ? -1 : 1));
  const lasting = Math.min(LASTS, Math.ceil(times.length / 2));
  const convincing = found.some(
    (one) => one.explained >= EXPLAINS && one.steps >= CONVINCES && one.lasts >= lasting,
  );
  if (!convincing) return { verdict: 'nothing-wrong', ranking: [] };
  const most = Math.max(...found.map((one) => one.cost));
  return {
    verdict: 'cause',
    ranking: found.map(({ node, explained, cost }) => ({
      target: node,
      kind: question.measure === 'availability' ? 'errors' : 'application',
      // The explained share ends at one; what was lost in all tells those apart that explain everything.
      score: explained + (1e-6 * cost) / most,
    })),
  };
}

interface Weighing {
  readonly node: string;
  readonly times: readonly number[];
  readonly symptom: ReadonlyMap<number, Excess>;
  readonly total: number;
}

interface Weighed {
  readonly node: string;
  /** Part of what the symptom lost, 0…1. */
  readonly explained: number;
  readonly cost: number;
  /** The furthest above its level while the symptom was there. */
  readonly steps: number;
  /** Points in a row. */
  readonly lasts: number;
}

function weigh(
  question: MapQuestion,
  excesses: Excesses,
  { node, times, symptom, total }: Weighing,
): Weighed {
  let explained = 0;
  let cost = 0;
  let steps = 0;
  let row = 0;
  let lasts = 0;
  for (const time of times) {
    const excess = partOf(excesses, node, time);
    row = excess === null ? 0 : row + 1;
    lasts = Math.max(lasts, row);
    if (excess === null) continue;
    const own = Math.max(0, excess.cost - calleesCost(question, excesses, node, time, excess.requests));
    explained += Math.min(own, symptom.get(time)?.cost ?? 0) / total;
    cost += own;
    if ((symptom.get(time)?.steps ?? 0) >= SYMPTOM_RISES) steps = Math.max(steps, excess.steps);
  }
  return { node, explained, cost, steps, lasts };
}

/** What a node's callees lost at that point, of those with several callers the part that its requests make up. */
function calleesCost(
  question: MapQuestion,
  excesses: Excesses,
  node: string,
  time: number,
  requests: number,
): number {
  let cost = 0;
  for (const callee of new Set(
    question.calls.filter((call) => call.caller === node).map((call) => call.callee),
  )) {
    const excess = callee === node ? null : partOf(excesses, callee, time);
    if (excess === null) continue;
    const callers = new Set(
      question.calls.filter((call) => call.callee === callee).map((call) => call.caller),
    );
    const all = [...callers].reduce(
      (sum, caller) => sum + (excesses.get(caller)?.get(time)?.requests ?? 0),
      0,
    );
    cost += excess.cost * (all > 0 ? requests / all : 1);
  }
  return cost;
}

function partOf(excesses: Excesses, node: string, time: number): Excess | null {
  const excess = excesses.get(node)?.get(time);
  return excess !== undefined && excess.steps >= TAKES_PART ? excess : null;
}

/** The symptom's node and everything that it calls, directly or not. */
function reachable({ node, calls }: MapQuestion): ReadonlySet<string> {
  const reached = new Set([node]);
  for (const caller of reached) {
    for (const call of calls) if (call.caller === caller) reached.add(call.callee);
  }
  return reached;
}

function excessOf(question: MapQuestion, node: string, from: Level): ReadonlyMap<number, Excess> {
  const points = [...(question.incident.get(node)?.get(question.reading) ?? [])];
  const requests = question.incident.get(node)?.get(question.requests);
  const usual = usualOf(question, node);
  const level = levelOf(question, points, usual, from);
  if (level === null) return new Map();
  return new Map(
    points.map(([time, value]) => {
      const count = requests?.get(time) ?? 0;
      const above = burden(question, value) - level;
      const spread = Math.hypot(usual?.spread ?? level, chance(question, level, count));
      return [
        time,
        { steps: spread > 0 ? above / spread : 0, cost: Math.max(0, above) * count, requests: count },
      ];
    }),
  );
}

function levelOf(
  question: MapQuestion,
  points: readonly (readonly [number, number])[],
  usual: { level: number } | null,
  from: Level,
): number | null {
  if (from === 'baseline') return usual?.level ?? null;
  const sorted = points.map(([, value]) => burden(question, value)).sort((a, b) => a - b);
  const calm = sorted.length < 2 ? null : (sorted[Math.floor((sorted.length - 1) / 4)] ?? null);
  if (usual === null || calm === null) return usual?.level ?? calm;
  return Math.max(usual.level, calm);
}

function usualOf(question: MapQuestion, node: string): { level: number; spread: number } | null {
  const values = [...(question.baseline.get(node)?.get(question.reading)?.values() ?? [])].map((value) =>
    burden(question, value),
  );
  if (values.length < LEAST_POINTS) return null;
  const level = median(values);
  const tail = (quantile(values, TAIL.quantile) - level) / TAIL.steps;
  return { level, spread: Math.max(robustSpread(values), tail) };
}

/** More is worse: seconds, or the share of requests that failed. */
function burden(question: MapQuestion, value: number): number {
  return question.measure === 'availability' ? 1 - value / 100 : value;
}

/** What counting alone lets a share of failures wander (binomial; of one request at least), and a latency by custom. */
function chance(question: MapQuestion, level: number, requests: number): number {
  if (question.measure === 'latency') return USUAL * level;
  const n = Math.max(requests, 1);
  return Math.sqrt(Math.max(level, 1 / n) / n);
}

/** Every point of the symptom lies far above what was usual: there is nothing calm to compare with. */
function isHighThroughout(question: MapQuestion): boolean {
  const steps = [...excessOf(question, question.node, 'baseline').values()].map((excess) => excess.steps);
  return steps.length > 0 && steps.every((step) => step >= TAKES_PART);
}
