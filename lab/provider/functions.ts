import { ACCOUNT_ID, AVAILABILITY_ZONES, REGION } from '../cloud/account.ts';
import type { Properties } from './cloud-client.ts';

/** Functions of `@pulumi/aws` that programs like the lab's call; what they tell is the emulated cloud's. */
const FUNCTIONS = new Map<string, () => Properties>([
  [
    'aws:index/getRegion:getRegion',
    () => ({ id: REGION, name: REGION, region: REGION, description: 'Emulated' }),
  ],
  [
    'aws:index/getCallerIdentity:getCallerIdentity',
    () => ({
      id: ACCOUNT_ID,
      accountId: ACCOUNT_ID,
      arn: `arn:aws:iam::${ACCOUNT_ID}:user/lab`,
      userId: 'AIDALAB',
    }),
  ],
  [
    'aws:index/getPartition:getPartition',
    () => ({ id: 'aws', partition: 'aws', dnsSuffix: 'amazonaws.com' }),
  ],
  [
    'aws:index/getAvailabilityZones:getAvailabilityZones',
    () => ({
      id: REGION,
      region: REGION,
      names: [...AVAILABILITY_ZONES],
      zoneIds: AVAILABILITY_ZONES.map((_, index) => `use1-az${index + 1}`),
      groupNames: [REGION],
    }),
  ],
]);

/** Throws an Error that names the function when there is none. */
export function invokeFunction(token: string, args: Properties): Properties {
  const found = FUNCTIONS.get(token);
  if (found === undefined) {
    throw new Error(
      `The emulated aws provider (not Amazon's) has no function ${token}. It offers ${[...FUNCTIONS.keys()].join(', ')}.`,
    );
  }
  return { ...args, ...found() };
}
