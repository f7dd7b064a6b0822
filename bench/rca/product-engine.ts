import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Cause, Diagnosis } from '../../src/diagnosis/diagnosis.ts';
import { findAttributes } from '../../src/diagnosis/gather/attributes.ts';
import type { DiagnosisPorts, DiagnosisRequest } from '../../src/diagnosis/gather/gather.ts';
import type { CallRow } from '../../src/diagnosis/gather/gathered.ts';
import { callsQuery } from '../../src/diagnosis/gather/queries.ts';
import { readCalls } from '../../src/diagnosis/gather/rows.ts';
import type { Answer } from '../../src/diagnosis/reason/answer.ts';
import { reasonFromMap } from '../../src/diagnosis/reason/service-map/service-map.ts';
import { hullOf } from '../../src/diagnosis/reason/windows.ts';
import { ALL_DATASETS, type TelemetryStore, type TimeWindow } from '../../src/telemetry/query.ts';
import type { CaseInput, RcaEngine } from './engine.ts';
import type { RcaCase } from './layout.ts';
import { recordedMetrics } from './recorded-metrics.ts';

/** The product: `diagnose` with the windows of the case, over its own ports. */
export const productEngine: RcaEngine = {
  name: 'plumbline',
  async answer(input: CaseInput, signal: AbortSignal): Promise<Answer> {
    const { case: one, map } = input;
    const windows = windowsOf(one);
    if (input.spans !== null && windows !== null) {
      const asked = askedOf(input, input.spans, windows);
      return answerOf(await diagnose(asked.request, asked.ports, signal));
    }
    const node = one.symptom?.node;
    if (map === null || !node) return { verdict: 'undetermined', ranking: [] };
    const measure = one.symptom?.metric === 'availability' ? 'availability' : 'latency';
    return reasonFromMap({
      node,
      measure,
      reading: `${measure}:${one.symptom?.statistic ?? 'Average'}`,
      requests: 'requests:Sum',
      ...map,
    });
  },
};

export interface CaseWindows {
  readonly incident: TimeWindow;
  readonly baselines: readonly TimeWindow[];
}

/** Null where the case names none. */
export function windowsOf(one: RcaCase): CaseWindows | null {
  if (!one.incident || !one.baseline || one.baseline.length === 0) return null;
  const toWindow = ([start, end]: readonly [number, number]): TimeWindow => ({
    start: start * 1000,
    end: end * 1000,
  });
  return { incident: toWindow(one.incident), baselines: one.baseline.map(toWindow) };
}

/** What `diagnose` and `gather` take for a case. */
export function askedOf(
  input: CaseInput,
  telemetry: TelemetryStore,
  windows: CaseWindows,
): { readonly request: DiagnosisRequest; readonly ports: DiagnosisPorts } {
  return {
    request: { lookbackMinutes: 60, windows },
    ports: {
      telemetry,
      metrics: input.metrics.length === 0 ? null : recordedMetrics(input.metrics),
      stacks: null,
      now: hullOf([windows.incident, ...windows.baselines]).end,
    },
  };
}

/** The causes of a diagnosis as the contract has them. */
export function answerOf(diagnosis: Diagnosis): Answer {
  if (diagnosis.verdict === 'nothing-wrong') return { verdict: 'nothing-wrong', ranking: [] };
  const targetOf = ({ target }: Cause): string => target.dependency ?? target.service;
  const causes = diagnosis.causes.filter(
    (cause, index) => diagnosis.causes.findIndex((other) => targetOf(other) === targetOf(cause)) === index,
  );
  return {
    verdict: diagnosis.verdict,
    // Confidence is in target and kind together; what ranks is the order of the causes, and a score has to say it.
    ranking: causes.map((cause, index) => ({
      target: targetOf(cause),
      kind: cause.kind,
      score: Math.min(...causes.slice(0, index + 1).map((one) => one.confidence)) * 0.999 ** index,
    })),
  };
}

/** Every operation by caller and window, as the product asks for it: what the simple methods rest on. */
export async function callsOf(
  store: TelemetryStore,
  one: RcaCase,
  signal: AbortSignal,
): Promise<readonly CallRow[]> {
  const windows = windowsOf(one);
  if (windows === null) return [];
  const { attributes } = await findAttributes(store, ALL_DATASETS, signal);
  const spec = callsQuery(attributes, null, { ...windows, onset: null, origin: 'asked' }, true);
  const hull = hullOf([windows.incident, ...windows.baselines]);
  return readCalls(await store.run(ALL_DATASETS, spec, hull, { signal }), attributes).rows;
}
