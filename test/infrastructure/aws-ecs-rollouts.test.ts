import { afterEach, expect, test } from 'vitest';
import { EcsRollouts } from '../../src/infrastructure/aws/ecs-rollouts.ts';
import { type AwsWire, serveAws, type WireAnswer } from './aws-wire.ts';

const WORKLOAD = { cluster: 'c', ecsService: 'shop', region: 'eu-north-1' };

let wire: AwsWire | undefined;
afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

async function ask(answer: WireAnswer) {
  wire = await serveAws(() => answer);
  return new EcsRollouts().deployments(WORKLOAD);
}

test('deployments come newest first, in words of the model', async () => {
  const deployment = (id: string, createdAt: number, more: object) => ({
    id,
    taskDefinition: `arn:task/${id}`,
    createdAt,
    updatedAt: createdAt + 5,
    desiredCount: 2,
    runningCount: 1,
    pendingCount: 1,
    failedTasks: 0,
    ...more,
  });
  const deployments = await ask({
    body: {
      services: [
        {
          serviceName: 'shop',
          deployments: [
            deployment('old', 100, { rolloutState: 'COMPLETED' }),
            deployment('new', 200, { rolloutState: 'IN_PROGRESS', rolloutStateReason: 'one more task' }),
          ],
        },
      ],
      failures: [],
    },
  });
  expect(wire?.calls[0]?.target).toBe('AmazonEC2ContainerServiceV20141113.DescribeServices');
  expect(wire?.calls[0]?.body).toEqual({ cluster: 'c', services: ['shop'] });
  expect(deployments.map((one) => [one.id, one.rollout])).toEqual([
    ['new', 'in-progress'],
    ['old', 'completed'],
  ]);
  expect(deployments[0]).toMatchObject({
    reason: 'one more task',
    running: 1,
    desired: 2,
    createdAt: 200_000,
  });
});

test('a service that ECS calls MISSING is not found, not empty', async () => {
  const missing = ask({ body: { services: [], failures: [{ arn: 'arn:shop', reason: 'MISSING' }] } });
  await expect(missing).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('MISSING'),
  });
});

test('a refusal is a problem with its next step', async () => {
  const refused = ask({ status: 400, body: { __type: 'AccessDeniedException', message: 'no' } });
  await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
});
