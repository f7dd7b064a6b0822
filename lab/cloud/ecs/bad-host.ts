import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { describeIssues } from '../aws-error.ts';
import { parseObject, readBody, sendJson } from '../http.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import type { Ecs } from './ecs.ts';

export const FAULT_PATH = '/lab/fault';

/** `cpuUnits`: what the task gets instead of its reservation; null gives it back. */
const Fault = z.object({ task: z.string(), cpuUnits: z.number().positive().nullable() });

/** `POST /lab/fault {task, cpuUnits}`: a host that does not give a task what it has reserved. No metric of Amazon's tells. */
export async function handleHostFault(
  ecs: Ecs,
  runner: TaskRunner,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const fault = Fault.safeParse(parseObject(await readBody(request)));
  if (request.method !== 'POST' || !fault.success) {
    const reason = fault.success ? 'POST it' : describeIssues(fault.error);
    sendJson(response, 400, { code: 'InvalidParameterException', message: reason });
    return;
  }
  const { task: id, cpuUnits } = fault.data;
  const task = [...ecs.clusters.values()].flatMap((c) => ecs.tasksOf(c)).find((one) => one.id === id);
  // A task that has ended meanwhile has nothing to be given back.
  if (task !== undefined) runner.limit(id, cpuUnits ?? task.definition.cpuUnits);
  sendJson(response, 200, { task: id, cpuUnits });
}
