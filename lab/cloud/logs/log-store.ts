import { arn } from '../account.ts';
import { AwsError } from '../aws-error.ts';

/** Older events of a stream are dropped beyond this many: the lab is no archive. */
const MAX_EVENTS_PER_STREAM = 20_000;

export interface LogEvent {
  /** Unique and growing over all streams. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
}

export class LogStream {
  readonly name: string;
  readonly createdAt = Date.now();
  readonly #nextId: () => number;
  events: LogEvent[] = [];

  constructor(name: string, nextId: () => number) {
    this.name = name;
    this.#nextId = nextId;
  }

  append(timestamp: number, lines: readonly string[]): void {
    for (const message of lines) this.events.push({ id: this.#nextId(), timestamp, message });
    if (this.events.length > MAX_EVENTS_PER_STREAM) this.events = this.events.slice(-MAX_EVENTS_PER_STREAM);
  }
}

export interface LogGroup {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  retentionInDays: number | undefined;
  readonly streams: Map<string, LogStream>;
}

/** CloudWatch Logs, in memory: a restarted cloud begins with empty groups. */
export class LogStore {
  readonly #groups = new Map<string, LogGroup>();
  #lastId = 0;

  get groups(): readonly LogGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  createGroup(name: string, retentionInDays: number | undefined): LogGroup {
    if (this.#groups.has(name)) {
      throw new AwsError('ResourceAlreadyExistsException', `The specified log group already exists: ${name}`);
    }
    const group: LogGroup = {
      name,
      arn: arn('logs', `log-group:${name}`),
      createdAt: Date.now(),
      retentionInDays,
      streams: new Map(),
    };
    this.#groups.set(name, group);
    return group;
  }

  deleteGroup(name: string): void {
    this.#groups.delete(name);
  }

  group(name: string): LogGroup {
    const group = this.#groups.get(name);
    if (group === undefined) {
      throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
    }
    return group;
  }

  stream(group: LogGroup, name: string): LogStream {
    const stream = group.streams.get(name);
    if (stream === undefined) {
      throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
    }
    return stream;
  }

  /** The stream of that name, made if need be; its group must exist or be allowed to be made. */
  openStream(groupName: string, streamName: string, createGroup: boolean): LogStream {
    if (createGroup && !this.#groups.has(groupName)) this.createGroup(groupName, undefined);
    const { streams } = this.group(groupName);
    const stream = streams.get(streamName) ?? new LogStream(streamName, () => ++this.#lastId);
    streams.set(streamName, stream);
    return stream;
  }
}
