import type { ResourceStep } from './preview-steps.ts';

/** Types whose replacement loses nothing: each is a new revision beside the old one. */
const HOLDS_NO_DATA = new Set([
  'aws:ecs/taskDefinition:TaskDefinition',
  'aws:ec2/launchTemplate:LaunchTemplate',
  'aws:ec2/launchConfiguration:LaunchConfiguration',
  'aws:lambda/layerVersion:LayerVersion',
]);

const PERMISSIONS =
  /^aws:iam\/|^aws:(kms\/key|kms\/grant|s3\/bucketPolicy|sqs\/queuePolicy|sns\/topicPolicy|lambda\/permission|secretsmanager\/secretPolicy|ecr\/repositoryPolicy)|:authorization[/:]|iam(Policy|Member|Binding)|^kubernetes:rbac/i;

const EVERYONE = /(^|[^0-9.])0\.0\.0\.0\/0|::\/0|public-read|"Principal":\s*"\*"/;

/** Properties that open a resource to the internet, and the values with which they do. */
const EXPOSING: Readonly<Record<string, unknown>> = {
  publiclyAccessible: true,
  assignPublicIp: true,
  associatePublicIpAddress: true,
  internal: false,
  blockPublicAcls: false,
  blockPublicPolicy: false,
  ignorePublicAcls: false,
  restrictPublicBuckets: false,
};

/** Why a preview wants the stack's name typed before it is applied; empty where a plain yes will do. */
export function confirmationReasons(steps: readonly ResourceStep[]): readonly string[] {
  return steps.flatMap((step) => {
    const name = `${step.name} (${step.type})`;
    const reasons: string[] = [];
    if (step.operation === 'delete') reasons.push(`Deletes ${name}.`);
    if (step.operation === 'replace' && !HOLDS_NO_DATA.has(step.type)) {
      reasons.push(`Replaces ${name}: what it holds is lost.`);
    }
    if (step.unprotects) reasons.push(`Takes the protection off ${name}.`);
    if (PERMISSIONS.test(step.type)) reasons.push(`Changes permissions: ${name}.`);
    if (exposes(step)) reasons.push(`Opens ${name} to the internet.`);
    return reasons;
  });
}

function exposes(step: ResourceStep): boolean {
  const before = values(step.oldInputs);
  const after = values(step.newInputs);
  const opened = (one: readonly [string, unknown]) =>
    (one[0] in EXPOSING && EXPOSING[one[0]] === one[1]) ||
    (typeof one[1] === 'string' && EVERYONE.test(one[1]));
  const count = (list: readonly (readonly [string, unknown])[]) => list.filter(opened).length;
  return count(after) > count(before);
}

/** All leaves of a value with the name of the property they are in. */
function values(value: unknown, name = ''): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((item) => values(item, name));
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).flatMap(([key, item]) => values(item, key));
  }
  return [[name, value]];
}
