import { z } from 'zod';
import { AwsError } from '../aws-error.ts';
import type { AwsOperations } from '../wire.ts';
import { ApiInput, pageOf } from '../wire.ts';
import { clusterDescription, serviceDescription, taskDescription } from './descriptions.ts';
import type { Cluster, Ecs } from './ecs.ts';

const MAX_SERVICES = 10;
const MAX_CLUSTERS = 100;
const MAX_TASKS = 100;

const cluster = z.string().default('default');
const paging = { maxResults: z.int().min(1).max(100).default(100), nextToken: z.string().optional() };

const DescribeClusters = z.looseObject({ clusters: z.array(z.string()).default(['default']) });
const ListClusters = z.looseObject(paging);
const ListServices = z.looseObject({ cluster, ...paging, maxResults: z.int().min(1).max(100).default(10) });
const DescribeServices = z.looseObject({ cluster, services: z.array(z.string()).min(1) });
/** Settings come from the provider; this is what operators do by hand to get fresh tasks. */
const UpdateService = z.looseObject({
  cluster,
  service: z.string(),
  forceNewDeployment: z.literal(
    true,
    "the emulated cloud (not Amazon's) only takes forceNewDeployment in UpdateService",
  ),
});
const ListTasks = z.looseObject({
  cluster,
  serviceName: z.string().optional(),
  family: z.string().optional(),
  desiredStatus: z.enum(['RUNNING', 'PENDING', 'STOPPED']).default('RUNNING'),
  ...paging,
});
const DescribeTasks = z.looseObject({ cluster, tasks: z.array(z.string()).min(1) });
const DescribeTaskDefinition = z.looseObject({ taskDefinition: z.string() });

const input = new ApiInput('InvalidParameterException');

/** The part of the ECS API that reads, and a new deployment of what is there. */
export function ecsApi(ecs: Ecs): AwsOperations {
  return {
    ListClusters: (body) => {
      const { maxResults, nextToken } = input.parse(ListClusters, body);
      const arns = Array.from(ecs.clusters.values(), (c) => c.arn);
      const page = pageOf(arns, maxResults, nextToken);
      return { clusterArns: page.items, nextToken: page.nextToken };
    },
    DescribeClusters: (body) => {
      const { clusters } = input.parse(DescribeClusters, body);
      atMost(MAX_CLUSTERS, clusters, 'clusters');
      return described(clusters, 'cluster', 'clusters', (name) => {
        const found = ecs.findCluster(name);
        return found && clusterDescription(found, ecs.tasksOf(found));
      });
    },
    ListServices: (body) => {
      const request = input.parse(ListServices, body);
      const arns = Array.from(ecs.cluster(request.cluster).services.values(), (service) => service.arn);
      const page = pageOf(arns, request.maxResults, request.nextToken);
      return { serviceArns: page.items, nextToken: page.nextToken };
    },
    DescribeServices: (body) => {
      const request = input.parse(DescribeServices, body);
      const within = ecs.cluster(request.cluster);
      atMost(MAX_SERVICES, request.services, 'services');
      return described(request.services, 'service', 'services', (name) => {
        const found = within.services.get(lastPart(name));
        return found && serviceDescription(found, within);
      });
    },
    UpdateService: (body) => {
      const request = input.parse(UpdateService, body);
      const within = ecs.cluster(request.cluster);
      const found = within.services.get(lastPart(request.service));
      if (found === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
      found.deployAnew();
      return { service: serviceDescription(found, within) };
    },
    ListTasks: (body) => listTasks(ecs, input.parse(ListTasks, body)),
    DescribeTasks: (body) => {
      const request = input.parse(DescribeTasks, body);
      const within = ecs.cluster(request.cluster);
      atMost(MAX_TASKS, request.tasks, 'tasks');
      return described(request.tasks, 'task', 'tasks', (name) => {
        const found = ecs.tasksOf(within).find((task) => task.id === lastPart(name));
        return found && taskDescription(found, within);
      });
    },
    DescribeTaskDefinition: (body) => {
      const { taskDefinition } = input.parse(DescribeTaskDefinition, body);
      const definition = ecs.taskDefinition(taskDefinition);
      const status = definition.active ? 'ACTIVE' : 'INACTIVE';
      return { taskDefinition: { ...definition.description, status }, tags: [] };
    },
  };
}

function listTasks(ecs: Ecs, request: z.infer<typeof ListTasks>): object {
  const within: Cluster = ecs.cluster(request.cluster);
  if (request.serviceName !== undefined && !within.services.has(lastPart(request.serviceName))) {
    throw new AwsError('ServiceNotFoundException', 'Service not found.');
  }
  const found = ecs
    .tasksOf(within)
    .filter(
      (task) =>
        (task.wanted ? 'RUNNING' : 'STOPPED') === request.desiredStatus &&
        (request.serviceName === undefined || task.context.serviceName === lastPart(request.serviceName)) &&
        (request.family === undefined || task.definition.family === request.family),
    );
  const arns = found.map((task) => task.arn);
  const page = pageOf(arns, request.maxResults, request.nextToken);
  return { taskArns: page.items, nextToken: page.nextToken };
}

/** What is not there is a failure in the list and no error: that is ECS's way. */
function described(
  names: readonly string[],
  resource: string,
  listName: string,
  describe: (name: string) => object | undefined,
): object {
  const found: object[] = [];
  const failures: object[] = [];
  for (const name of names) {
    const description = describe(name);
    if (description === undefined)
      failures.push({ arn: name, reason: 'MISSING', detail: `no such ${resource}` });
    else found.push(description);
  }
  return { [listName]: found, failures };
}

function atMost(limit: number, names: readonly string[], what: string): void {
  if (names.length > limit)
    throw new AwsError('InvalidParameterException', `${what} cannot have more than ${limit} elements.`);
}

function lastPart(nameOrArn: string): string {
  return nameOrArn.split('/').at(-1) ?? nameOrArn;
}
