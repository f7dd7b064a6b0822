import { z } from 'zod';
import { ACCOUNT_ID } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { parseInputs } from '../resources/inputs.ts';
import type { Properties, ResourceKind } from '../resources/resource.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import { Domain } from './domain.ts';

const Inputs = z.looseObject({
  domainName: z
    .string()
    .regex(/^[a-z][a-z0-9-]{2,27}$/, 'a domain name has 3 to 28 lower-case letters, digits and hyphens'),
  clusterConfig: z.looseObject({ instanceType: z.string().default('m4.large.search') }).prefault({}),
});

/** The account's OpenSearch domains. */
export class Domains {
  readonly kind: ResourceKind;
  readonly #runner: TaskRunner;
  readonly #domains = new Map<string, Domain>();

  constructor(runner: TaskRunner) {
    this.#runner = runner;
    this.kind = {
      create: async (inputs) => {
        const outputs = await this.#start(inputs, 0);
        return { id: String(outputs['arn']), outputs };
      },
      restore: (record) =>
        this.#start(record.inputs, Number(String(record.outputs['endpoint']).split(':')[1])),
      update: (record, inputs) => ({ ...record.outputs, ...inputs }),
      delete: async (record) => {
        const name = String(record.inputs['domainName']);
        await this.#domains.get(name)?.close();
        this.#domains.delete(name);
      },
    };
  }

  get all(): readonly Domain[] {
    return [...this.#domains.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((domain) => domain.close()));
  }

  async #start(inputs: Properties, port: number): Promise<Properties> {
    const { domainName, clusterConfig } = parseInputs(Inputs, inputs);
    if (this.#domains.has(domainName)) {
      throw new AwsError('ResourceAlreadyExistsException', `Domain ${domainName} already exists`);
    }
    const domain = await Domain.start(domainName, clusterConfig.instanceType, this.#runner, port);
    this.#domains.set(domainName, domain);
    return {
      ...inputs,
      arn: domain.arn,
      domainId: `${ACCOUNT_ID}/${domainName}`,
      endpoint: domain.endpoint,
      dashboardEndpoint: `${domain.endpoint}/_dashboards`,
    };
  }
}
