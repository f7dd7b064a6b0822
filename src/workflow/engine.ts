import { diagnose } from '../diagnosis/diagnose.ts';
import { narrate } from '../diagnosis/narrate.ts';
import { proposeSizing } from '../remediation/propose-sizing.ts';
import type { EnginePort } from './workflow.ts';

/** The engine as the workflow uses it: one for the extension and the lab. */
export function createEngine(options: {
  readonly dataset: () => string;
  readonly now: () => number;
}): EnginePort {
  return {
    diagnose: (request, sources, signal, progress) =>
      diagnose(request, { ...sources, now: options.now(), dataset: options.dataset() }, signal, progress),
    narrate,
    propose: (diagnosis, stacks, signal) =>
      proposeSizing(diagnosis, stacks, { by: 'diagnosis' }, options.now(), signal),
  };
}
