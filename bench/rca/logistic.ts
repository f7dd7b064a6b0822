/** One observation: what is known, and whether it came true. */
export interface Observation {
  readonly features: readonly number[];
  /** Added to what the weights give, and not fitted. */
  readonly offset: number;
  readonly isTrue: boolean;
  /** How much it counts; variants of one case share that case's weight. */
  readonly weight: number;
}

const ROUNDS = 4_000;
const STEP = 0.5;
/** Pulls weights towards 0 where there is little to learn from; the constant is left free. */
const RIDGE = 0.02;

/** Logistic regression by gradient descent with a ridge penalty. One weight a feature. */
export function fitLogistic(observations: readonly Observation[], features: number): readonly number[] {
  const weights = new Array<number>(features).fill(0);
  const total = observations.reduce((sum, { weight }) => sum + weight, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = weights.map((weight, index) => (index === 0 ? 0 : RIDGE * weight));
    for (const { features: known, offset, isTrue, weight } of observations) {
      const error = (chance(known, weights, offset) - (isTrue ? 1 : 0)) * (weight / total);
      for (const [index, value] of known.entries()) gradient[index] = (gradient[index] ?? 0) + error * value;
    }
    for (const index of weights.keys())
      weights[index] = (weights[index] ?? 0) - STEP * (gradient[index] ?? 0);
  }
  return weights;
}

export function chance(features: readonly number[], weights: readonly number[], offset: number): number {
  const sum = features.reduce((total, value, index) => total + value * (weights[index] ?? 0), offset);
  return 1 / (1 + Math.exp(-sum));
}
