/**
 * A percentile read from bucket counts, interpolated linearly inside its bucket. The outermost buckets end at
 * `min` and `max` where the sender gave them, else at their finite bound.
 * @param counts one more than bounds
 * @param q 0…1
 */
export function bucketPercentile(
  counts: readonly number[],
  bounds: readonly number[],
  q: number,
  min: number | undefined,
  max: number | undefined,
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0 || counts.length !== bounds.length + 1) return undefined;
  const target = q * total;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && seen + count >= target) {
      const lower = bounds[index - 1] ?? min ?? bounds[0];
      const upper = bounds[index] ?? max ?? bounds.at(-1);
      if (lower === undefined || upper === undefined) return undefined;
      const from = Math.max(lower, min ?? lower);
      const to = Math.min(upper, max ?? upper);
      return from + ((target - seen) / count) * Math.max(0, to - from);
    }
    seen += count;
  }
  return max ?? bounds.at(-1);
}
