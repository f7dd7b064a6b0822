import type { StackSnapshot, StackSource } from '../../infrastructure/model.ts';
import { toProblem } from '../../problem.ts';
import type { Gap } from '../diagnosis.ts';
import type { ResourceEndpoint, StackChange } from './gathered.ts';

export interface GatheredStacks {
  readonly snapshots: readonly StackSnapshot[];
  readonly updates: readonly StackChange[];
  readonly gaps: readonly Gap[];
}

/** Each stack costs two runs of the CLI. */
const MOST_STACKS = 5;
const MOST_UPDATES = 20;

/** Reads resources and updates of the workspace's stacks. What can't be read is a gap, never a silence. */
export async function gatherStacks(source: StackSource | null, signal: AbortSignal): Promise<GatheredStacks> {
  if (source === null) {
    const gap = {
      what: 'Pulumi stacks',
      why: 'No Pulumi project is open, so neither resources nor updates are known.',
      nextStep: 'Open the folder with the Pulumi.yaml of this system.',
    };
    return { snapshots: [], updates: [], gaps: [gap] };
  }
  const gaps: Gap[] = [];
  const attempt = async <T>(what: string, read: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (thrown) {
      signal.throwIfAborted();
      const { message, nextStep } = toProblem(thrown);
      gaps.push({ what, why: message, nextStep });
      return otherwise;
    }
  };
  const stacks = await attempt('Pulumi stacks', () => source.stacks(signal), []);
  if (stacks.length > MOST_STACKS) {
    gaps.push({
      what: `${stacks.length - MOST_STACKS} of ${stacks.length} stacks`,
      why: `Only the first ${MOST_STACKS} were read.`,
      nextStep: 'Open the folder of the project that runs this service.',
    });
  }
  const read = await Promise.all(
    stacks.slice(0, MOST_STACKS).map(async (stack) => ({
      snapshot: await attempt(`Resources of ${stack.fqn}`, () => source.snapshot(stack, signal), null),
      updates: await attempt(
        `Updates of ${stack.fqn}`,
        async () =>
          (await source.updates(stack, MOST_UPDATES, signal)).map((update) => ({
            stack: stack.fqn,
            backend: stack.backend,
            update,
          })),
        [],
      ),
    })),
  );
  return {
    snapshots: read.flatMap(({ snapshot }) => snapshot ?? []),
    updates: read.flatMap(({ updates }) => updates),
    gaps,
  };
}

/** Outputs by which providers name where a resource answers. */
const ENDPOINT_OUTPUTS = ['endpoint', 'address', 'dnsName', 'url', 'configurationEndpointAddress'];

/** Hosts and ports of the stack's resources, for telling which of them a call leads to. */
export function endpointsOf(snapshots: readonly StackSnapshot[]): readonly ResourceEndpoint[] {
  return snapshots
    .flatMap((snapshot) => snapshot.resources)
    .flatMap(({ urn, name, outputs }) =>
      ENDPOINT_OUTPUTS.flatMap((output): ResourceEndpoint[] => {
        const value = outputs[output];
        if (typeof value !== 'string') return [];
        const match =
          /^(?:[a-z][a-z0-9+.-]*:\/\/)?([a-z0-9.-]+\.[a-z0-9.-]+|localhost)(?::(\d{1,5}))?(?:\/.*)?$/i.exec(
            value,
          );
        const host = match?.[1];
        if (host === undefined) return [];
        return [{ urn, name, host, port: match?.[2] === undefined ? null : Number(match[2]) }];
      }),
    );
}
