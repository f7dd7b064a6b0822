import { groupBy } from './grouping.ts';
import type { CallNode, CallTree } from './localise.ts';

/**
 * Whose time a node's exclusive time is:
 * - `own`: the service's own process worked or waited in it;
 * - `call`: the caller's side of a call to another service in the telemetry: the network, or the callee's queue;
 * - `dependency`: a call to something that sends no spans of its own.
 */
export type Role = 'own' | 'call' | 'dependency';

export interface ClassifiedNode {
  readonly node: CallNode;
  readonly role: Role;
  /** For `call`: the service on the other side. */
  readonly callee: string | null;
  /** For `dependency`: which one; nodes of one call (a client span and its transport's span) share it. */
  readonly dependency: DependencyName | null;
}

export interface DependencyName {
  readonly key: string;
  readonly service: string;
  /** What a person would call it: the model provider, the database system, the host. */
  readonly label: string;
  readonly address: string | null;
}

/** Milliseconds per request of the symptom, with the calls and errors that belong to them. */
export interface Part {
  readonly before: number | null;
  readonly after: number;
  /** after − before; null without a baseline. */
  readonly growth: number | null;
  readonly nodes: readonly CallNode[];
}

export interface ProcessPart extends Part {
  readonly service: string;
}

export interface CallPart extends Part {
  readonly service: string;
  readonly callee: string;
}

export interface DependencyPart extends Part {
  readonly name: DependencyName;
  /** Calls of the dependency per request of the symptom. */
  readonly callsBefore: number | null;
  readonly callsAfter: number;
}

export interface Parts {
  readonly processes: readonly ProcessPart[];
  readonly calls: readonly CallPart[];
  readonly dependencies: readonly DependencyPart[];
}

/** Says of every node of the tree whose time it is. Kinds and attributes decide, never names. */
export function classify(tree: CallTree): readonly ClassifiedNode[] {
  const children = groupBy(
    tree.nodes.filter((node) => node.parentKey !== null),
    (node) => node.parentKey ?? '',
  );
  const roles = new Map<string, Role>();
  // Children stand behind their parents in the tree's order, so from the end every child is known before its parent.
  for (const node of [...tree.nodes].reverse()) {
    const below = children.get(node.key) ?? [];
    const callsOut = below.some((child) => child.service !== node.service);
    const leadsOut = node.spanKind === 'client' || node.spanKind === 'producer' || node.peer !== null;
    const onlyTransport = below.every((child) => roles.get(child.key) === 'dependency');
    roles.set(
      node.key,
      callsOut ? 'call' : leadsOut && onlyTransport && node.depth > 0 ? 'dependency' : 'own',
    );
  }
  const names = nameDependencies(tree, roles);
  return tree.nodes.map((node) => {
    const role = roles.get(node.key) ?? 'own';
    const below = children.get(node.key) ?? [];
    return {
      node,
      role: role === 'call' && isBusyItself(node, below) ? 'own' : role,
      callee: below.find((child) => child.service !== node.service)?.service ?? null,
      dependency: names.get(node.key) ?? null,
    };
  });
}

/** Without span kinds a handler that calls several services is a process at work, not one call's outside. */
function isBusyItself(node: CallNode, below: readonly CallNode[]): boolean {
  if (node.spanKind === 'client' || node.spanKind === 'producer') return false;
  return node.spanKind !== null || node.depth === 0 || below.length > 1;
}

/**
 * One outgoing call may be several spans deep. The outermost carries the meaning (the model provider), an inner one
 * the address; all of them get the same name.
 */
function nameDependencies(
  tree: CallTree,
  roles: ReadonlyMap<string, Role>,
): ReadonlyMap<string, DependencyName> {
  const calls = new Map<string, CallNode[]>();
  const outermost = new Map<string, string>();
  for (const node of tree.nodes) {
    if (roles.get(node.key) !== 'dependency') continue;
    const above = node.parentKey === null ? undefined : outermost.get(node.parentKey);
    const key = above ?? node.key;
    outermost.set(node.key, key);
    const members = calls.get(key) ?? [];
    members.push(node);
    calls.set(key, members);
  }
  const names = new Map<string, DependencyName>();
  for (const members of calls.values()) {
    const [outer] = members;
    if (outer === undefined) continue;
    const peer = members.find((node) => node.peer !== null)?.peer ?? null;
    const address = members.find((node) => node.address !== null)?.address ?? null;
    // Two calls of one operation name (`POST`) to different hosts are different dependencies, and so are two
    // providers behind one host.
    const identity = address ?? (peer === null ? outer.key : '');
    const name: DependencyName = {
      key: JSON.stringify([outer.service, peer, identity]),
      service: outer.service,
      label: peer ?? address ?? outer.operation,
      address,
    };
    for (const node of members) names.set(node.key, name);
  }
  return names;
}

/** Sums the exclusive times of the tree by whose they are. */
export function partition(classified: readonly ClassifiedNode[], hasBaseline: boolean): Parts {
  const processes = group(classified, 'own', (one) => one.node.service);
  const calls = group(classified, 'call', (one) => JSON.stringify([one.node.service, one.callee]));
  const dependencies = group(classified, 'dependency', (one) => one.dependency?.key ?? one.node.key);
  return {
    processes: processes.map((members) => ({
      service: members[0]?.node.service ?? '',
      ...sum(members, hasBaseline),
    })),
    calls: calls.map((members) => ({
      service: members[0]?.node.service ?? '',
      callee: members[0]?.callee ?? '',
      ...sum(members, hasBaseline),
    })),
    dependencies: dependencies.flatMap((members) => {
      const name = members[0]?.dependency;
      if (!name) return [];
      // One call may be two spans deep: calls are counted where it starts.
      const keys = new Set(members.map((one) => one.node.key));
      const outer = members.filter((one) => one.node.parentKey === null || !keys.has(one.node.parentKey));
      const calls = (pick: 'before' | 'after'): number =>
        outer.reduce((total, one) => total + (one.node[pick]?.calls ?? 0), 0);
      return [
        {
          name: {
            ...name,
            address: members.map((one) => one.node.address).find((one) => one !== null) ?? null,
          },
          callsBefore: hasBaseline ? calls('before') : null,
          callsAfter: calls('after'),
          ...sum(members, hasBaseline),
        },
      ];
    }),
  };
}

function group(
  classified: readonly ClassifiedNode[],
  role: Role,
  keyOf: (one: ClassifiedNode) => string,
): readonly (readonly ClassifiedNode[])[] {
  return [
    ...groupBy(
      classified.filter((one) => one.role === role),
      keyOf,
    ).values(),
  ];
}

function sum(members: readonly ClassifiedNode[], hasBaseline: boolean): Part {
  const before = members.reduce((total, one) => total + (one.node.before?.exclusive ?? 0), 0);
  const after = members.reduce((total, one) => total + (one.node.after?.exclusive ?? 0), 0);
  return {
    before: hasBaseline ? before : null,
    after,
    growth: hasBaseline ? after - before : null,
    nodes: members.map((one) => one.node),
  };
}
