import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { diffInputs } from '../../lab/provider/diff.ts';
import { invokeFunction } from '../../lab/provider/functions.ts';
import { RESOURCE_TYPES, resourceType, UNKNOWN } from '../../lab/provider/resource-types.ts';

const taskDefinition = resourceType('aws:ecs/taskDefinition:TaskDefinition');
const service = resourceType('aws:ecs/service:Service');

const TASK = {
  family: 'app',
  cpu: '512',
  memory: '1024',
  containerDefinitions: '[{"name":"web","image":"app:1"}]',
  requiresCompatibilities: ['FARGATE'],
};

describe('diff', () => {
  test('another size is another revision, made before the old one goes', () => {
    const diff = diffInputs(taskDefinition, TASK, { ...TASK, cpu: '1024', memory: '2048' });
    expect(diff.replaces).toEqual(['cpu', 'memory']);
    expect([...diff.detailed]).toEqual([
      ['cpu', 'update-replace'],
      ['memory', 'update-replace'],
    ]);
    expect(diff.deleteBeforeReplace).toBe(false);
  });

  test('tags of a revision change in place', () => {
    const diff = diffInputs(taskDefinition, TASK, { ...TASK, tags: { team: 'a' } });
    expect([diff.replaces, [...diff.detailed]]).toEqual([[], [['tags', 'add']]]);
  });

  test('container definitions are compared as JSON', () => {
    const spaced = '[ {"image": "app:1", "name": "web"} ]';
    expect(diffInputs(taskDefinition, TASK, { ...TASK, containerDefinitions: spaced }).changed).toEqual([]);
    expect(diffInputs(taskDefinition, TASK, { ...TASK, containerDefinitions: UNKNOWN }).replaces).toEqual([
      'containerDefinitions',
    ]);
  });

  test('a service takes a new revision and count in place', () => {
    const olds = { name: 's', cluster: 'c', taskDefinition: 'app:1', desiredCount: 1 };
    const diff = diffInputs(service, olds, { ...olds, taskDefinition: UNKNOWN, desiredCount: 2 });
    expect([diff.changed, diff.replaces]).toEqual([['taskDefinition', 'desiredCount'], []]);
  });

  test('what cannot be twice under one name goes before its replacement comes, unless it is named anew', () => {
    const olds = { name: 's', cluster: 'c' };
    const news = { name: 's', cluster: 'd' };
    expect(diffInputs(service, olds, news).deleteBeforeReplace).toBe(true);
    expect(diffInputs(service, olds, { ...news, __defaults: ['name'] }).deleteBeforeReplace).toBe(false);
    expect(diffInputs(service, olds, { ...news, name: 't' }).deleteBeforeReplace).toBe(false);
  });

  test('paths lead to the place that differs', () => {
    const olds = { tags: { 'a.b': '1', plain: '1' }, list: [{ x: 1 }, { x: 2 }] };
    const news = { tags: { 'a.b': '2' }, list: [{ x: 1 }, { x: 3 }, { x: 4 }] };
    expect([...diffInputs(service, olds, news).detailed]).toEqual([
      ['tags["a.b"]', 'update'],
      ['tags.plain', 'delete'],
      ['list[1].x', 'update'],
      ['list[2]', 'add'],
    ]);
  });

  test('an ignored change is none', () => {
    expect(diffInputs(service, { desiredCount: 1 }, { desiredCount: 3 }, ['desiredCount']).changed).toEqual(
      [],
    );
  });

  property.prop([fc.dictionary(fc.string(), fc.jsonValue())])('equal inputs do not differ', (inputs) => {
    const diff = diffInputs(service, inputs, structuredClone(inputs));
    expect([diff.changed, diff.detailed.size]).toEqual([[], 0]);
  });
});

describe('check', () => {
  test.each([
    [{ cpu: '1024', memory: '1024' }, /1024 CPU, 1024 memory.*2048 to 8192/],
    [{ cpu: '300', memory: '1024' }, /Invalid 'cpu'/],
    [{ cpu: undefined }, /'cpu' be defined/],
  ])('a size that Fargate does not have is refused in words: %o', (change, reason) => {
    const failures = taskDefinition.check?.({ ...TASK, ...change });
    expect(failures).toMatchObject([{ property: 'cpu', reason: expect.stringMatching(reason) }]);
  });

  test('what is not known yet, or not for Fargate, is not judged', () => {
    expect(taskDefinition.check?.({ ...TASK, cpu: UNKNOWN, memory: '1' })).toEqual([]);
    expect(taskDefinition.check?.({ ...TASK, cpu: '1', requiresCompatibilities: ['EC2'] })).toEqual([]);
  });
});

test('types and functions that it does not have are named', () => {
  expect(() => resourceType('aws:s3/bucket:Bucket')).toThrow(/aws:s3\/bucket:Bucket/);
  expect(() => invokeFunction('aws:ec2/getAmi:getAmi', {})).toThrow(/aws:ec2\/getAmi:getAmi/);
});

test('each type token is one of the SDK', async () => {
  const { createRequire } = await import('node:module');
  const require = createRequire(new URL('../../lab/program/index.ts', import.meta.url));
  for (const token of RESOURCE_TYPES.keys()) {
    const [module = '', name = ''] = (token.split(':')[1] ?? '').split('/');
    const exported = require(`@pulumi/aws/${module}/${name}`) as Record<string, { __pulumiType?: string }>;
    expect(Object.values(exported).map((value) => value.__pulumiType)).toContain(token);
  }
});
