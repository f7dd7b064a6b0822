import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { metricApi } from './cloudwatch/metric-api.ts';
import { MetricStore } from './cloudwatch/metric-store.ts';
import { MetricPublisher } from './cloudwatch/publisher.ts';
import { FAULT_PATH, handleHostFault } from './ecs/bad-host.ts';
import { Ecs } from './ecs/ecs.ts';
import { ecsApi } from './ecs/ecs-api.ts';
import { Elb } from './elb/elb.ts';
import { listen, sendJson } from './http.ts';
import { logApi } from './logs/log-api.ts';
import { LogStore } from './logs/log-store.ts';
import { Domains } from './opensearch/domains.ts';
import { activeKinds } from './resources/active-kinds.ts';
import { PASSIVE_KINDS } from './resources/passive-kinds.ts';
import { handleResourceRequest, RESOURCES_PATH } from './resources/resource-api.ts';
import { ResourceStore } from './resources/resource-store.ts';
import { type Images, LAB_IMAGES } from './tasks/images.ts';
import { TaskRunner } from './tasks/runner.ts';
import { ProcessFile } from './tasks/strays.ts';
import { AwsWire } from './wire.ts';

const STOP_GRACE_MS = 5000;

export interface CloudOptions {
  /** Where its state lives; made if missing. Nothing is written elsewhere. */
  dir: string;
  /** 0 takes a free one. */
  port?: number;
  images?: Images;
  log?: (line: string) => void;
}

export interface Cloud {
  readonly url: string;
  /** Ends every task and stops listening; may be called twice. Resources stay on disk for the next cloud with this directory. */
  close(): Promise<void>;
}

/** Starts the emulated cloud (not Amazon's) on loopback. Throws on a platform where tasks cannot be held to their CPU quota. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { dir, port = 0, images = LAB_IMAGES, log = () => {} } = options;
  mkdirSync(dir, { recursive: true });
  const processes = await ProcessFile.claim(dir, log);
  const runner = new TaskRunner(processes, log);
  const ecs = new Ecs();
  const elb = new Elb();
  const logs = new LogStore();
  const domains = new Domains(runner);
  const metrics = new MetricStore();
  const kinds = new Map([...PASSIVE_KINDS, ...activeKinds({ ecs, elb, logs, domains, runner, images })]);
  const resources = new ResourceStore(dir, kinds);
  const restored = await resources.restore();
  if (restored > 0)
    log(`restored ${restored} resources; metrics, logs and stopped tasks of the earlier cloud are gone`);
  const publisher = new MetricPublisher(metrics, ecs, elb, domains);
  const wire = new AwsWire({ ecs: ecsApi(ecs), cloudWatch: metricApi(metrics), logs: logApi(logs) });

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { host = '', origin } = request.headers;
    if (origin !== undefined || !/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) {
      // No web page may start tasks, be it by a form to loopback or by a name of its own that resolves to it.
      sendJson(response, 403, {
        code: 'Forbidden',
        message: 'the emulated cloud does not answer web pages',
      });
      return;
    }
    if (request.url?.startsWith(RESOURCES_PATH)) await handleResourceRequest(resources, request, response);
    else if (request.url === FAULT_PATH) await handleHostFault(ecs, runner, request, response);
    else await wire.handle(request, response);
  };
  const server = await listen((request, response) => {
    handle(request, response).catch((error: unknown) => {
      log(`a request failed: ${String(error)}`);
      response.destroy();
    });
  }, port);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await server.close();
    publisher.close();
    for (const service of ecs.services) service.close();
    await domains.close();
    await elb.close();
    await runner.close(STOP_GRACE_MS);
    processes.release();
  };
  return {
    url: `http://127.0.0.1:${server.port}`,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
