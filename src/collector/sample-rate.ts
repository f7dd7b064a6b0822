import type { FieldValue } from './event.ts';

const MAX_SAMPLE_RATE = 1_000_000_000;

/**
 * How many spans one span stands for: the attribute `sampleRate`/`SampleRate`, else the sampling threshold
 * in tracestate (`ot=th:<hex>`, OpenTelemetry's probability sampling: rejected share of 2⁵⁶), else 1.
 */
export function sampleRateOf(fields: ReadonlyMap<string, FieldValue>, traceState: string): number {
  const attribute = fields.get('sampleRate') ?? fields.get('SampleRate');
  if (attribute !== undefined) return bounded(Math.floor(Number(attribute)));
  const vendor = traceState
    .split(',')
    .map((entry) => entry.trim())
    .find((entry) => entry.startsWith('ot='));
  const threshold = vendor
    ?.slice(3)
    .split(';')
    .find((member) => member.startsWith('th:'))
    ?.slice(3);
  if (threshold === undefined || !/^[0-9a-f]{1,14}$/i.test(threshold)) return 1;
  const rejected = Number.parseInt(threshold.padEnd(14, '0'), 16);
  return bounded(Math.round(2 ** 56 / (2 ** 56 - rejected)));
}

function bounded(rate: number): number {
  return Number.isFinite(rate) && rate >= 1 ? Math.min(rate, MAX_SAMPLE_RATE) : 1;
}
