import type { Cluster } from './ecs.ts';
import type { Service } from './service.ts';
import type { Task } from './task.ts';

/* ECS's descriptions in its own words. Times are epoch seconds there. */

export function clusterDescription(cluster: Cluster, tasks: readonly Task[]): object {
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: 'ACTIVE',
    activeServicesCount: cluster.services.size,
    runningTasksCount: tasks.filter((task) => task.status === 'RUNNING').length,
    pendingTasksCount: tasks.filter(isPending).length,
    registeredContainerInstancesCount: 0,
    capacityProviders: ['FARGATE'],
    settings: [{ name: 'containerInsights', value: cluster.containerInsights }],
  };
}

export function serviceDescription(service: Service, cluster: Cluster): object {
  const { settings, context } = service;
  return {
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: cluster.arn,
    status: service.status,
    desiredCount: settings.desiredCount,
    runningCount: service.tasks.filter((task) => task.status === 'RUNNING').length,
    pendingCount: service.tasks.filter(isPending).length,
    launchType: 'FARGATE',
    platformFamily: 'Linux',
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: 'ECS' },
    taskDefinition: settings.taskDefinition.arn,
    deploymentConfiguration: {
      deploymentCircuitBreaker: settings.circuitBreaker,
      minimumHealthyPercent: settings.minimumHealthyPercent,
      maximumPercent: settings.maximumPercent,
    },
    healthCheckGracePeriodSeconds: settings.healthCheckGracePeriodMs / 1000,
    loadBalancers:
      context.targetGroup === undefined
        ? []
        : [
            {
              targetGroupArn: context.targetGroup.arn,
              containerName: settings.taskDefinition.container.name,
              containerPort: settings.taskDefinition.container.portMappings[0]?.containerPort,
            },
          ],
    createdAt: service.createdAt / 1000,
    deployments: service.deployments.map((deployment, index) => {
      const tasks = service.tasksOf(deployment);
      return {
        id: deployment.id,
        status: index === 0 ? 'PRIMARY' : 'ACTIVE',
        taskDefinition: deployment.taskDefinition.arn,
        desiredCount: index === 0 ? settings.desiredCount : 0,
        runningCount: tasks.filter((task) => task.status === 'RUNNING').length,
        pendingCount: tasks.filter(isPending).length,
        failedTasks: deployment.failedTasks,
        launchType: 'FARGATE',
        rolloutState: deployment.rolloutState,
        rolloutStateReason: deployment.rolloutStateReason,
        createdAt: deployment.createdAt / 1000,
        updatedAt: deployment.updatedAt / 1000,
      };
    }),
    events: service.events.list.map((event) => ({ ...event, createdAt: event.createdAt / 1000 })),
  };
}

export function taskDescription(task: Task, cluster: Cluster): object {
  const { definition } = task;
  return {
    taskArn: task.arn,
    clusterArn: cluster.arn,
    taskDefinitionArn: definition.arn,
    group: `service:${task.context.serviceName}`,
    startedBy: task.context.deploymentId,
    launchType: 'FARGATE',
    platformFamily: 'Linux',
    availabilityZone: task.availabilityZone,
    cpu: String(definition.cpuUnits),
    memory: String(definition.memoryMiB),
    lastStatus: task.status,
    desiredStatus: task.wanted ? 'RUNNING' : 'STOPPED',
    healthStatus: 'UNKNOWN',
    createdAt: task.createdAt / 1000,
    startedAt: seconds(task.startedAt),
    stoppingAt: seconds(task.stoppingAt),
    stoppedAt: seconds(task.stoppedAt),
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
    containers: [
      {
        name: definition.container.name,
        image: definition.container.image,
        runtimeId: task.containerId,
        taskArn: task.arn,
        lastStatus: task.status === 'RUNNING' || task.status === 'STOPPED' ? task.status : 'PENDING',
        exitCode: task.exitCode,
        reason: task.containerReason,
        networkBindings: [],
        healthStatus: 'UNKNOWN',
        cpu: '0',
      },
    ],
  };
}

function isPending(task: Task): boolean {
  return task.status === 'PENDING' || task.status === 'ACTIVATING';
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
