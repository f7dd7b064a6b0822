import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { AwsError } from '../aws-error.ts';
import type { Properties, ResourceKind, ResourceRecord } from './resource.ts';

/** Every resource of the cloud, kept in a file so that a restarted cloud still has them. */
export class ResourceStore {
  readonly #path: string;
  readonly #kinds: ReadonlyMap<string, ResourceKind>;
  readonly #records = new Map<string, ResourceRecord>();

  constructor(dir: string, kinds: ReadonlyMap<string, ResourceKind>) {
    this.#path = join(dir, 'resources.json');
    this.#kinds = kinds;
  }

  /** Sets the resources of an earlier run with this directory to work again, in the order they were made in. Returns how many. */
  async restore(): Promise<number> {
    if (!existsSync(this.#path)) return 0;
    const records = JSON.parse(readFileSync(this.#path, 'utf8')) as ResourceRecord[];
    for (const record of records) {
      const outputs = await this.#kind(record.type).restore?.(record);
      if (outputs !== undefined) record.outputs = outputs;
      this.#records.set(key(record.type, record.ref), record);
    }
    await this.#save();
    return records.length;
  }

  async create(type: string, inputs: Properties): Promise<ResourceRecord> {
    const { id, outputs } = await this.#kind(type).create(inputs);
    const { arn } = outputs;
    const record: ResourceRecord = { type, id, ref: typeof arn === 'string' ? arn : id, inputs, outputs };
    this.#records.set(key(type, record.ref), record);
    await this.#save();
    return record;
  }

  /** The resource as it is now; undefined if there is none. */
  read(type: string, ref: string): ResourceRecord | undefined {
    const record = this.#records.get(key(type, ref));
    if (record === undefined) return undefined;
    record.outputs = this.#kind(type).read?.(record) ?? record.outputs;
    return record;
  }

  async update(type: string, ref: string, inputs: Properties): Promise<ResourceRecord> {
    const record = this.#records.get(key(type, ref));
    if (record === undefined) throw new AwsError('ResourceNotFoundException', `no ${type} named ${ref}`, 404);
    const kind = this.#kind(type);
    if (kind.update === undefined) {
      throw new AwsError('InvalidParameterException', `${type} cannot be changed in place`);
    }
    // Inputs that the new version leaves out must not live on among the outputs.
    const computed = Object.entries(record.outputs).filter(([name]) => !Object.hasOwn(record.inputs, name));
    record.outputs = await kind.update({ ...record, outputs: Object.fromEntries(computed) }, inputs);
    record.inputs = inputs;
    await this.#save();
    return record;
  }

  /** Deleting what is not there is no failure, as with most of AWS. */
  async delete(type: string, ref: string): Promise<void> {
    const record = this.#records.get(key(type, ref));
    if (record === undefined) return;
    await this.#kind(type).delete?.(record);
    this.#records.delete(key(type, ref));
    await this.#save();
  }

  #kind(type: string): ResourceKind {
    const kind = this.#kinds.get(type);
    if (kind === undefined) {
      throw new AwsError(
        'UnknownOperationException',
        `the emulated cloud (not Amazon's) has no resources of type ${type}`,
      );
    }
    return kind;
  }

  /** 0600: environment variables of task definitions may hold keys. */
  async #save(): Promise<void> {
    await writeFileAtomic(this.#path, JSON.stringify([...this.#records.values()]), { mode: 0o600 });
  }
}

function key(type: string, ref: string): string {
  return `${type}\n${ref}`;
}
