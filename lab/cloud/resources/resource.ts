/** Inputs or outputs of a resource, named as the `@pulumi/aws` SDK names them. */
export type Properties = Record<string, unknown>;

/** A resource as the cloud keeps it. */
export interface ResourceRecord {
  /** Pulumi type token, e.g. `aws:ecs/service:Service`. */
  readonly type: string;
  readonly id: string;
  /** What tells it from all others of its type: its ARN, or the id where it has none (revisions of a task definition share their id). */
  readonly ref: string;
  inputs: Properties;
  outputs: Properties;
}

/** How one type of resource is made, changed, looked at and removed. Failures are AwsErrors. */
export interface ResourceKind {
  create(
    inputs: Properties,
  ): Promise<{ id: string; outputs: Properties }> | { id: string; outputs: Properties };
  /** New outputs; a type without it cannot be changed in place. */
  update?(record: ResourceRecord, inputs: Properties): Promise<Properties> | Properties;
  /** The outputs as they are now; a type without it never changes by itself. */
  read?(record: ResourceRecord): Properties;
  delete?(record: ResourceRecord): Promise<void> | void;
  /** Sets a resource to work again after the cloud was restarted; gives its outputs. */
  restore?(record: ResourceRecord): Promise<Properties> | Properties;
}
