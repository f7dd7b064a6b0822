import type { z } from 'zod';
import { AwsError, describeIssues } from '../aws-error.ts';
import type { Properties } from './resource.ts';

/** A resource's inputs, read by schema; what does not fit is refused as an InvalidParameterException. */
export function parseInputs<T extends z.ZodType>(schema: T, inputs: Properties): z.infer<T> {
  const parsed = schema.safeParse(inputs);
  if (parsed.success) return parsed.data;
  throw new AwsError('InvalidParameterException', describeIssues(parsed.error));
}
