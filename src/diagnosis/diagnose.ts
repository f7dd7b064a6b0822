import { Problem, toProblem } from '../problem.ts';
import type { Diagnosis } from './diagnosis.ts';
import { type DiagnosisPorts, type DiagnosisRequest, gather, type Progress } from './gather/gather.ts';
import { reason } from './reason/reason.ts';

/** Why is this slow? Reads what it needs (at most four query results and one metrics batch), then reasons over it. Throws a Problem. */
export async function diagnose(
  request: DiagnosisRequest,
  ports: DiagnosisPorts,
  signal: AbortSignal,
  onProgress: Progress = () => {},
): Promise<Diagnosis> {
  try {
    const gathered = await gather(request, ports, signal, onProgress);
    onProgress('Reasoning', 0.95);
    return reason(gathered);
  } catch (thrown) {
    if (signal.aborted) {
      throw new Problem('cancelled', 'The diagnosis was cancelled.', 'Start it again when you want to.', {
        cause: thrown,
      });
    }
    throw toProblem(thrown);
  }
}
