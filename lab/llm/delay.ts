/** Spread of a hosted model's answer times around their median: P95 is about 1.5 times the median. */
const SIGMA = 0.25;

/** One draw of a log-normal answer time, in milliseconds; `uniform` gives numbers in [0, 1). */
export function drawDelayMs(medianMs: number, uniform: () => number = Math.random): number {
  // Box–Muller; 1 - u keeps the logarithm's argument above 0.
  const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return medianMs * Math.exp(SIGMA * normal);
}
