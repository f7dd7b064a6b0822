import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FARGATE_CPU_UNITS,
  isValidSize,
  memoryChoices,
  nextSize,
  smallestSize,
} from '../../src/infrastructure/fargate.ts';
import { fargateMonthly } from '../../src/infrastructure/prices.ts';
import { sizeForCpu, sizeForMemory, TARGET_UTILISATION } from '../../src/infrastructure/sizing.ts';

const validSize = fc
  .constantFrom(...FARGATE_CPU_UNITS)
  .chain((cpuUnits) =>
    fc.constantFrom(...memoryChoices(cpuUnits)).map((memoryMiB) => ({ cpuUnits, memoryMiB })),
  );

describe('Fargate sizes', () => {
  test.each([
    [256, [512, 1024, 2048]],
    [512, [1024, 2048, 3072, 4096]],
    [1024, [2048, 3072, 4096, 5120, 6144, 7168, 8192]],
    [300, []],
  ])('%i units go with %j MiB', (cpuUnits, memory) => {
    expect(memoryChoices(cpuUnits)).toEqual(memory);
  });

  test('512 units with 1 GiB grow to 1024 units with 2 GiB: 1 GiB would be refused', () => {
    expect(isValidSize({ cpuUnits: 1024, memoryMiB: 1024 })).toBe(false);
    expect(nextSize({ cpuUnits: 512, memoryMiB: 1024 }, 1024)).toEqual({ cpuUnits: 1024, memoryMiB: 2048 });
  });

  test('the next size is valid, larger, and takes no memory away; above the largest there is none', () => {
    fc.assert(
      fc.property(validSize, fc.integer({ min: 1, max: 20_000 }), (size, wanted) => {
        const next = nextSize(size, wanted);
        if (next === null) return wanted > 16_384 || size.cpuUnits === 16_384;
        return (
          isValidSize(next) &&
          next.cpuUnits > size.cpuUnits &&
          next.cpuUnits >= wanted &&
          next.memoryMiB >= size.memoryMiB
        );
      }),
    );
  });

  test('the smallest size is the least CPU that allows the memory', () => {
    expect(smallestSize({ cpuUnits: 256, memoryMiB: 5_000 })).toEqual({ cpuUnits: 1024, memoryMiB: 5120 });
    expect(smallestSize({ cpuUnits: 1, memoryMiB: 200_000 })).toBeNull();
  });
});

describe('sizing', () => {
  test('a saturated task is at least doubled, for its true demand is unknown', () => {
    const step = sizeForCpu({ cpuUnits: 512, memoryMiB: 1024 }, 99);
    expect(step?.size).toEqual({ cpuUnits: 1024, memoryMiB: 2048 });
    expect(step?.expectedUtilisation).toBeNull();
  });

  test('a measured demand gets the smallest size below the target', () => {
    fc.assert(
      fc.property(validSize, fc.double({ min: 66, max: 94, noNaN: true }), (size, utilisation) => {
        const step = sizeForCpu(size, utilisation);
        return step === null
          ? size.cpuUnits === 16_384
          : (step.expectedUtilisation ?? 100) <= TARGET_UTILISATION;
      }),
    );
  });

  test('memory grows by half at least', () => {
    expect(sizeForMemory({ cpuUnits: 512, memoryMiB: 1024 }, 97)?.size).toEqual({
      cpuUnits: 512,
      memoryMiB: 2048,
    });
    expect(sizeForMemory({ cpuUnits: 512, memoryMiB: 4096 }, 97)?.size).toEqual({
      cpuUnits: 1024,
      memoryMiB: 6144,
    });
  });
});

describe('prices', () => {
  test.each([
    [256, 512, 9.01],
    [512, 1024, 18.02],
    [1024, 2048, 36.04],
  ])('%i units with %i MiB cost $%f a month', (cpuUnits, memoryMiB, amount) => {
    expect(fargateMonthly({ cpuUnits, memoryMiB }, 1, 'us-east-1').amount).toBeCloseTo(amount, 2);
  });

  test('the basis says what is not in it, and that other regions differ', () => {
    const { basis } = fargateMonthly({ cpuUnits: 512, memoryMiB: 1024 }, 2, 'eu-north-1', 'ARM64');
    expect(basis).toContain('Load balancers');
    expect(basis).toContain('ARM64');
    expect(basis).toContain('eu-north-1');
  });
});
