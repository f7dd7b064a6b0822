import type { TaskSize } from './fargate.ts';

/** AWS counts a month as 730 hours in its own estimates. */
export const HOURS_PER_MONTH = 730;

export type CpuArchitecture = 'X86_64' | 'ARM64';

/** US dollars. */
interface Rate {
  readonly perVcpuHour: number;
  readonly perGibHour: number;
}

/** AWS Fargate on-demand prices for Linux in us-east-1, from aws.amazon.com/fargate/pricing. */
const US_EAST_1: Readonly<Record<CpuArchitecture, Rate>> = {
  X86_64: { perVcpuHour: 0.04048, perGibHour: 0.004445 },
  ARM64: { perVcpuHour: 0.03238, perGibHour: 0.00356 },
};

export interface MonthlyPrice {
  /** US dollars, rounded to cents. */
  readonly amount: number;
  /** What is and isn't in it, and where the price is from. */
  readonly basis: string;
}

/** What `tasks` Fargate tasks of one size cost in a month of running all the time. */
export function fargateMonthly(
  size: TaskSize,
  tasks: number,
  region: string,
  architecture: CpuArchitecture = 'X86_64',
): MonthlyPrice {
  const rate = US_EAST_1[architecture];
  const hourly = (size.cpuUnits / 1024) * rate.perVcpuHour + (size.memoryMiB / 1024) * rate.perGibHour;
  const elsewhere = region === 'us-east-1' ? '' : ` ${region} may differ by some percent.`;
  return {
    amount: Math.round(tasks * HOURS_PER_MONTH * hourly * 100) / 100,
    basis:
      `${tasks} Fargate ${tasks === 1 ? 'task' : 'tasks'} × ${HOURS_PER_MONTH} h at the on-demand price of us-east-1 for Linux/${architecture}: ` +
      `$${rate.perVcpuHour} per vCPU-hour, $${rate.perGibHour} per GB-hour. ` +
      `Load balancers, NAT, logs, data transfer and savings plans are not in it.${elsewhere}`,
  };
}
