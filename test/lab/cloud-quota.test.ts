import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { fargateSizeProblem } from '../../lab/cloud/ecs/fargate-sizes.ts';
import { matches } from '../../lab/cloud/elb/target-group.ts';
import { CpuQuota, PERIOD_MS } from '../../lab/cloud/tasks/cpu-quota.ts';
import { imageCommand } from '../../lab/cloud/tasks/images.ts';
import { cpuTimeMs, parsePs, usageReader } from '../../lab/cloud/tasks/process-usage.ts';

describe('CPU quota', () => {
  test('grants its share of each period and lets what is unused lapse', () => {
    const quota = new CpuQuota(256);
    expect(quota.creditMs).toBe(PERIOD_MS / 4);
    quota.refill(1);
    quota.refill(1);
    expect(quota.creditMs).toBe(PERIOD_MS / 4);
  });

  test('an overdraft is paid back by later periods', () => {
    const quota = new CpuQuota(512);
    quota.charge(170); // 50 granted: 120 too much.
    const waited = [1, 2, 3].map(() => {
      quota.refill(1);
      return quota.mayRun;
    });
    expect(waited).toEqual([false, false, true]);
  });

  test('a supervisor that was late grants the periods it missed, but no burst after a long nap', () => {
    const late = new CpuQuota(512);
    late.charge(50);
    late.refill(2);
    expect(late.creditMs).toBe(100);
    const napped = new CpuQuota(512);
    napped.refill(1000);
    expect(napped.creditMs).toBe(150);
  });

  property.prop([
    fc.integer({ min: 1, max: 4096 }),
    fc.array(
      fc.record({ wantMs: fc.integer({ min: 0, max: 40 }), periods: fc.integer({ min: 0, max: 1 }) }),
      {
        maxLength: 400,
      },
    ),
  ])('over any time a task gets its quota and at most one reading more', (units, steps) => {
    const quota = new CpuQuota(units);
    let used = 0;
    let periods = 1;
    for (const { wantMs, periods: begun } of steps) {
      if (quota.mayRun) {
        quota.charge(wantMs);
        used += wantMs;
      }
      quota.refill(begun);
      periods += begun;
    }
    expect(used).toBeLessThanOrEqual(periods * quota.perPeriodMs + 40);
  });

  property.prop([fc.integer({ min: 64, max: 1024 })])(
    'a task that always wants to run gets its whole quota',
    (units) => {
      const quota = new CpuQuota(units);
      let used = 0;
      for (let ms = 0; ms < 10_000; ms += 5) {
        if (ms > 0 && ms % PERIOD_MS === 0) quota.refill(1);
        if (!quota.mayRun) continue;
        quota.charge(5);
        used += 5;
      }
      expect(Math.abs(used / 10_000 - units / 1024)).toBeLessThan(0.01);
    },
  );
});

describe('readings of processes', () => {
  test('this process has used some CPU time and memory', async () => {
    const reader = usageReader();
    expect((await reader.cpuMs([process.pid])).get(process.pid)).toBeGreaterThan(0);
    expect((await reader.residentBytes([process.pid])).get(process.pid)).toBeGreaterThan(1_000_000);
  });

  test('a platform without such readings is named', () => {
    expect(() => usageReader('win32')).toThrow(/win32.*Linux or macOS/);
  });

  test('ps rows', () => {
    expect(cpuTimeMs('0:01.25')).toBe(1250);
    expect(cpuTimeMs('01:02:03')).toBe(3_723_000);
    expect(cpuTimeMs('2-00:00:01')).toBe(172_801_000);
    expect(parsePs('  12 340\n 7 x\nnoise here too\n', Number)).toEqual(
      new Map([
        [12, 340],
        [7, Number.NaN],
      ]),
    );
  });
});

test.each([
  ['256', '512', true],
  ['256', '3072', false],
  ['512', '1024', true],
  ['512', '512', false],
  ['1024', '1024', false],
  ['1024', '2048', true],
  ['1024', '2500', false],
  ['4096', '30720', true],
  ['8192', '20480', true],
  ['8192', '21504', false],
  ['300', '1024', false],
  [undefined, '1024', false],
  ['512', undefined, false],
])('Fargate has %s CPU with %s memory: %s', (cpu, memory, offered) => {
  expect(fargateSizeProblem(cpu, memory) === undefined).toBe(offered);
});

test('matchers of health checks', () => {
  expect(matches('200', 200)).toBe(true);
  expect(matches('200', 204)).toBe(false);
  expect(matches('200-299', 204)).toBe(true);
  expect(matches('200,302', 302)).toBe(true);
});

test('an image is found by its repository name, whatever registry, tag or digest', () => {
  const images = { app: ['node', 'app.ts'] };
  for (const reference of ['app', 'app:1.2', 'registry.example:5000/team/app:1', 'x/app@sha256:00ff']) {
    expect(imageCommand(images, reference)).toEqual(images.app);
  }
  expect(imageCommand(images, 'other')).toBeUndefined();
  expect(imageCommand(images, 'constructor')).toBeUndefined();
});
