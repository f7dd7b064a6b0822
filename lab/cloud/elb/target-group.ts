import { request } from 'node:http';

/** As ELB reports it. */
export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'draining';

export interface HealthCheck {
  path: string;
  intervalSeconds: number;
  timeoutSeconds: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  /** Accepted status codes: `200`, `200-299`, `200,204`. */
  matcher: string;
}

export interface Target {
  /** The task that listens there. */
  readonly id: string;
  readonly port: number;
  state: TargetState;
  /** Why it is not healthy, in ELB's words. */
  reason: string;
  /** Requests that are under way. */
  inFlight: number;
  /** Checks in a row that came out alike. */
  passed: number;
  failed: number;
  nextCheck: number;
}

/** One answer of a target to a request that came through the load balancer. */
export interface TargetResponse {
  statusCode: number;
  seconds: number;
}

/**
 * ELB's own rule makes a new target healthy with its first passed check; until then the lab asks each second instead of
 * each interval, so that a rollout takes seconds.
 */
const INITIAL_CHECK_MS = 1000;

/** Where a load balancer sends requests, and whether those places are well. */
export class TargetGroup {
  readonly arn: string;
  /** `targetgroup/<name>/<id>`, the value of CloudWatch's TargetGroup dimension. */
  readonly arnSuffix: string;
  healthCheck: HealthCheck;
  deregistrationDelayMs: number;
  /** Which load balancers forward here, as CloudWatch names them. */
  readonly loadBalancers = new Set<string>();
  readonly #targets = new Map<string, Target>();
  #responses: TargetResponse[] = [];
  #next = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(arn: string, healthCheck: HealthCheck, deregistrationDelayMs: number) {
    this.arn = arn;
    this.arnSuffix = arn.slice(arn.indexOf('targetgroup/'));
    this.healthCheck = healthCheck;
    this.deregistrationDelayMs = deregistrationDelayMs;
    this.#timer = setInterval(() => this.#checkDue(), 100);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get targets(): readonly Target[] {
    return [...this.#targets.values()];
  }

  target(id: string): Target | undefined {
    return this.#targets.get(id);
  }

  register(id: string, port: number): void {
    this.#targets.set(id, {
      id,
      port,
      state: 'initial',
      reason: 'Target registration is in progress',
      inFlight: 0,
      passed: 0,
      failed: 0,
      nextCheck: 0,
    });
  }

  /** Gives a target no new requests and resolves when those under way are answered or the deregistration delay is over. */
  async deregister(id: string): Promise<void> {
    const target = this.#targets.get(id);
    if (target === undefined) return;
    target.state = 'draining';
    target.reason = 'Target deregistration is in progress';
    const deadline = Date.now() + this.deregistrationDelayMs;
    while (target.inFlight > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#targets.delete(id);
  }

  /** The next healthy target, round robin; undefined when there is none. */
  pick(): Target | undefined {
    const healthy = this.targets.filter((target) => target.state === 'healthy');
    this.#next = (this.#next + 1) % Math.max(1, healthy.length);
    return healthy[this.#next];
  }

  recordResponse(response: TargetResponse): void {
    this.#responses.push(response);
  }

  /** The responses since the last call. */
  takeResponses(): TargetResponse[] {
    const responses = this.#responses;
    this.#responses = [];
    return responses;
  }

  #checkDue(): void {
    const now = Date.now();
    for (const target of this.#targets.values()) {
      if (target.state === 'draining' || now < target.nextCheck) continue;
      const waitMs = target.state === 'initial' ? INITIAL_CHECK_MS : this.healthCheck.intervalSeconds * 1000;
      target.nextCheck = now + Math.max(waitMs, 100);
      void this.#check(target);
    }
  }

  async #check(target: Target): Promise<void> {
    const failure = await probe(target.port, this.healthCheck);
    if (target.state === 'draining') return;
    if (failure === undefined) {
      target.passed += 1;
      target.failed = 0;
      if (target.state === 'initial' || target.passed >= this.healthCheck.healthyThreshold) {
        target.state = 'healthy';
        target.reason = '';
      }
    } else {
      target.failed += 1;
      target.passed = 0;
      if (target.failed >= this.healthCheck.unhealthyThreshold) {
        target.state = 'unhealthy';
        target.reason = failure;
      }
    }
  }
}

/** Asks a target once; gives undefined when it is well, else the reason in ELB's words. */
function probe(port: number, check: HealthCheck): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probing = request(
      {
        host: '127.0.0.1',
        port,
        path: check.path,
        headers: { 'user-agent': 'ELB-HealthChecker/2.0' },
        agent: false,
        signal: AbortSignal.timeout(check.timeoutSeconds * 1000),
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        resolve(
          matches(check.matcher, status) ? undefined : `Health checks failed with these codes: [${status}]`,
        );
      },
    );
    probing.once('error', (error) => {
      resolve(
        error.name === 'AbortError' || error.name === 'TimeoutError'
          ? 'Request timed out'
          : 'Health checks failed',
      );
    });
    probing.end();
  });
}

/** Whether a status code is one of ELB's matcher, e.g. `200,300-399`. */
export function matches(matcher: string, status: number): boolean {
  return matcher.split(',').some((part) => {
    const [low = Number.NaN, high = low] = part.split('-').map(Number);
    return status >= low && status <= high;
  });
}
