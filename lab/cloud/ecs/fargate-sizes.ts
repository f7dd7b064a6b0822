const GB = 1024;

/** Memory (MiB) that Fargate allows with each number of CPU units: least, most, step. From the table of the task definition's `cpu` parameter. */
const MEMORY_BY_CPU: ReadonlyMap<number, { min: number; max: number; step: number; also?: number }> = new Map(
  [
    [256, { min: GB, max: 2 * GB, step: GB, also: 512 }],
    [512, { min: GB, max: 4 * GB, step: GB }],
    [1024, { min: 2 * GB, max: 8 * GB, step: GB }],
    [2048, { min: 4 * GB, max: 16 * GB, step: GB }],
    [4096, { min: 8 * GB, max: 30 * GB, step: GB }],
    [8192, { min: 16 * GB, max: 60 * GB, step: 4 * GB }],
    [16384, { min: 32 * GB, max: 120 * GB, step: 8 * GB }],
  ],
);

/** Why Fargate would refuse a task of this size; undefined if it would not. `cpu` in units, `memory` in MiB, as strings as ECS has them. */
export function fargateSizeProblem(cpu: unknown, memory: unknown): string | undefined {
  if (cpu === undefined) return "Fargate requires that 'cpu' be defined at the task level.";
  if (memory === undefined) return "Fargate requires that 'memory' be defined at the task level.";
  const allowed = MEMORY_BY_CPU.get(Number(cpu));
  if (allowed === undefined) {
    return `Invalid 'cpu' setting for task: ${cpu}. Fargate offers ${[...MEMORY_BY_CPU.keys()].join(', ')} CPU units.`;
  }
  const mib = Number(memory);
  const fits =
    mib === allowed.also ||
    (mib >= allowed.min && mib <= allowed.max && (mib - allowed.min) % allowed.step === 0);
  if (fits) return undefined;
  const least = allowed.also === undefined ? '' : `${allowed.also}, `;
  return (
    `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. ` +
    `With ${cpu} CPU units, memory may be ${least}${allowed.min} to ${allowed.max} MiB in steps of ${allowed.step}.`
  );
}
