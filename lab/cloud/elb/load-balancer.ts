import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { hexId } from '../account.ts';
import { type ListeningServer, listen } from '../http.ts';
import type { Target, TargetGroup } from './target-group.ts';

/** ALB's default idle timeout. */
const DEFAULT_IDLE_TIMEOUT_SECONDS = 60;

const ERROR_TITLES: Record<number, string> = {
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
};

/** Headers that concern one connection only, and that a proxy must not pass on. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'proxy-authorization',
];

/** An application load balancer: an HTTP reverse proxy on loopback. */
export class LoadBalancer {
  readonly arn: string;
  /** `app/<name>/<id>`, the value of CloudWatch's LoadBalancer dimension. */
  readonly arnSuffix: string;
  readonly #server: ListeningServer;
  readonly #agent = new Agent({ keepAlive: true });
  #forward: { listenerArn: string; targetGroup: TargetGroup } | undefined;
  #errors: number[] = [];
  idleTimeoutSeconds = DEFAULT_IDLE_TIMEOUT_SECONDS;

  private constructor(arn: string, server: ListeningServer) {
    this.arn = arn;
    this.arnSuffix = arn.slice(arn.indexOf('app/'));
    this.#server = server;
  }

  /** Listens on the port, or on a free one for 0. */
  static async start(arn: string, port: number): Promise<LoadBalancer> {
    let balancer: LoadBalancer | undefined;
    const server = await listen((incoming, outgoing) => balancer?.handle(incoming, outgoing), port);
    balancer = new LoadBalancer(arn, server);
    return balancer;
  }

  get port(): number {
    return this.#server.port;
  }

  get listenerArn(): string | undefined {
    return this.#forward?.listenerArn;
  }

  forwardTo(listenerArn: string, targetGroup: TargetGroup): void {
    this.stopForwarding();
    targetGroup.loadBalancers.add(this.arnSuffix);
    this.#forward = { listenerArn, targetGroup };
  }

  stopForwarding(): void {
    this.#forward?.targetGroup.loadBalancers.delete(this.arnSuffix);
    this.#forward = undefined;
  }

  /** Status codes of the errors that the load balancer itself answered since the last call. */
  takeErrors(): number[] {
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }

  async close(): Promise<void> {
    this.stopForwarding();
    await this.#server.close();
    this.#agent.destroy();
  }

  handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const targetGroup = this.#forward?.targetGroup;
    const target = targetGroup?.pick();
    if (targetGroup === undefined || target === undefined) {
      this.#refuse(outgoing, 503);
      return;
    }
    this.#proxy(incoming, outgoing, targetGroup, target);
  }

  #proxy(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    targetGroup: TargetGroup,
    target: Target,
  ): void {
    target.inFlight += 1;
    outgoing.once('close', () => {
      target.inFlight -= 1;
    });
    const begun = performance.now();
    const upstream = request({
      host: '127.0.0.1',
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...endToEnd(incoming.headers), ...this.#forwardedHeaders(incoming) },
      agent: this.#agent,
      timeout: this.idleTimeoutSeconds * 1000,
    });
    upstream.once('timeout', () => upstream.destroy(new Error('idle timeout')));
    upstream.once('response', (response) => {
      const statusCode = response.statusCode ?? 502;
      // TargetResponseTime ends when the target's headers arrive, as ALB defines it.
      targetGroup.recordResponse({ statusCode, seconds: (performance.now() - begun) / 1000 });
      outgoing.writeHead(statusCode, endToEnd(response.headers));
      response.pipe(outgoing);
      response.once('error', () => outgoing.destroy());
    });
    upstream.once('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else this.#refuse(outgoing, error.message === 'idle timeout' ? 504 : 502);
    });
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) upstream.destroy(); // The client has gone.
    });
    incoming.pipe(upstream);
  }

  #forwardedHeaders(incoming: IncomingMessage): Record<string, string> {
    const client = incoming.socket.remoteAddress ?? '127.0.0.1';
    const before = incoming.headers['x-forwarded-for'];
    return {
      'x-forwarded-for': before === undefined ? client : `${before}, ${client}`,
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(this.port),
      'x-amzn-trace-id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${hexId(24)}`,
    };
  }

  #refuse(outgoing: ServerResponse, status: number): void {
    this.#errors.push(status);
    const title = ERROR_TITLES[status] ?? String(status);
    outgoing.writeHead(status, { server: 'awselb/2.0', 'content-type': 'text/html' });
    outgoing.end(
      `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>\n`,
    );
  }
}

function endToEnd<T extends Record<string, unknown>>(headers: T): T {
  const kept = { ...headers };
  for (const name of HOP_BY_HOP) delete kept[name];
  return kept;
}
