/**
 * Which sizes a Fargate task may have. Source: "Task CPU and memory" of the Amazon ECS developer guide
 * (Linux; 8 and 16 vCPU need platform version 1.4.0 or later). 1024 CPU units are one vCPU; memory in MiB.
 */

export interface TaskSize {
  readonly cpuUnits: number;
  readonly memoryMiB: number;
}

interface MemoryRange {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

const GIB = 1024;

/** 256 units is the one size whose memory values are not a range: 512 MiB, 1 GiB, 2 GiB. */
const QUARTER_VCPU_MEMORY: readonly number[] = [512, 1 * GIB, 2 * GIB];

const RANGES: ReadonlyMap<number, MemoryRange> = new Map([
  [512, { from: 1 * GIB, to: 4 * GIB, step: GIB }],
  [1024, { from: 2 * GIB, to: 8 * GIB, step: GIB }],
  [2048, { from: 4 * GIB, to: 16 * GIB, step: GIB }],
  [4096, { from: 8 * GIB, to: 30 * GIB, step: GIB }],
  [8192, { from: 16 * GIB, to: 60 * GIB, step: 4 * GIB }],
  [16384, { from: 32 * GIB, to: 120 * GIB, step: 8 * GIB }],
]);

/** CPU sizes in ascending order, in units. */
export const FARGATE_CPU_UNITS: readonly number[] = [256, ...RANGES.keys()];

/** Memory sizes that go with `cpuUnits`, ascending, in MiB; empty when Fargate has no such CPU size. */
export function memoryChoices(cpuUnits: number): readonly number[] {
  if (cpuUnits === 256) return QUARTER_VCPU_MEMORY;
  const range = RANGES.get(cpuUnits);
  if (range === undefined) return [];
  const choices: number[] = [];
  for (let memory = range.from; memory <= range.to; memory += range.step) choices.push(memory);
  return choices;
}

export function isValidSize(size: TaskSize): boolean {
  return memoryChoices(size.cpuUnits).includes(size.memoryMiB);
}

/**
 * The smallest valid size with at least the wanted CPU and memory, or null when Fargate has none.
 * A larger CPU may bring more memory with it (1024 units start at 2 GiB), and much memory may want a larger CPU.
 */
export function smallestSize(wanted: TaskSize): TaskSize | null {
  for (const cpuUnits of FARGATE_CPU_UNITS) {
    if (cpuUnits < wanted.cpuUnits) continue;
    const memoryMiB = memoryChoices(cpuUnits).find((memory) => memory >= wanted.memoryMiB);
    if (memoryMiB !== undefined) return { cpuUnits, memoryMiB };
  }
  return null;
}

/** The next size up from `current` that has at least `wantedCpuUnits`, keeping at least today's memory; null at the top. */
export function nextSize(current: TaskSize, wantedCpuUnits: number): TaskSize | null {
  const larger = FARGATE_CPU_UNITS.find((units) => units > current.cpuUnits);
  if (larger === undefined) return null;
  return smallestSize({ cpuUnits: Math.max(larger, wantedCpuUnits), memoryMiB: current.memoryMiB });
}
