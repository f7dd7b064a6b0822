import { z } from 'zod';

export type Properties = Record<string, unknown>;

const Answer = z.object({
  id: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  properties: z.record(z.string(), z.unknown()),
});
export type CloudResource = z.infer<typeof Answer>;

const Failure = z.object({ code: z.string(), message: z.string() });

/** The resource API of lab/cloud. Failures are Errors whose message a person can act on. */
export class CloudClient {
  readonly #url: string | undefined;

  constructor(url: string | undefined) {
    this.#url = url;
  }

  async create(type: string, properties: Properties): Promise<CloudResource> {
    return Answer.parse(await this.#call('POST', { type }, { properties }));
  }

  /** Undefined when the cloud has no such resource (any more). */
  async read(type: string, ref: string): Promise<CloudResource | undefined> {
    const answer = await this.#call('GET', { type, ref });
    return answer === undefined ? undefined : Answer.parse(answer);
  }

  async update(type: string, ref: string, properties: Properties): Promise<CloudResource> {
    return Answer.parse(await this.#call('PUT', { type, ref }, { properties }));
  }

  async delete(type: string, ref: string): Promise<void> {
    await this.#call('DELETE', { type, ref });
  }

  async #call(method: string, query: Record<string, string>, body?: object): Promise<unknown> {
    if (this.#url === undefined) {
      throw new Error(
        "The emulated aws provider (not Amazon's) has no cloud: set PLUMBLINE_LAB_CLOUD_URL to the address that lab/cloud printed.",
      );
    }
    const response = await this.#fetch(`${this.#url}/lab/resources?${new URLSearchParams(query)}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === 404 && method === 'GET') return undefined;
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    const failure = Failure.safeParse(answer);
    throw new Error(
      failure.success
        ? `${failure.data.code}: ${failure.data.message}`
        : `The cloud answered ${response.status}.`,
    );
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      throw new Error(
        `The emulated cloud at ${this.#url} does not answer. Start the lab (npm start), then run this again.`,
        { cause: error },
      );
    }
  }
}
