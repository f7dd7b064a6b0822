import { randomBytes } from 'node:crypto';

/** The account that AWS's own documentation uses in examples: nobody takes an ARN with it for a real one. */
export const ACCOUNT_ID = '123456789012';

/** The one region that the emulated cloud has. */
export const REGION = process.env['AWS_REGION'] ?? 'us-east-1';

export const AVAILABILITY_ZONES: readonly string[] = [`${REGION}a`, `${REGION}b`, `${REGION}c`];

/** An ARN of a regional resource, `arn:aws:<service>:<region>:<account>:<resource>`. */
export function arn(service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource}`;
}

/** `length` random lower-case hex digits, as AWS puts them at the end of most of its ids. */
export function hexId(length: number): string {
  return randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length);
}

/** A random decimal id of `length` digits; ECS names deployments by such (`ecs-svc/…`). */
export function decimalId(length: number): string {
  return Array.from(randomBytes(length), (byte) => byte % 10).join('');
}
