import type { OperationShare, Target } from '../diagnosis.ts';
import type { Candidate, CaseFile } from './case-file.ts';
import type { CallNode, CallTree } from './localise.ts';

/** From the cause to the symptom: the resource or dependency, the operation where the time goes, and its callers. */
export function cascadeOf(file: CaseFile, cause: Candidate | undefined): readonly Target[] {
  if (cause === undefined) return [];
  const start = nodeOf(file, cause);
  const byKey = new Map(file.tree.nodes.map((node) => [node.key, node]));
  const way: Target[] = [cause.target];
  for (
    let node = start;
    node !== undefined;
    node = node.parentKey === null ? undefined : byKey.get(node.parentKey)
  ) {
    const step = { service: node.service, operation: node.operation };
    const last = way.at(-1);
    if (last?.operation !== step.operation || last.service !== step.service) way.push(step);
  }
  return way;
}

/** The node that the cause acts on most: by its operation, else where its service's own time grew most. */
function nodeOf(file: CaseFile, cause: Candidate): CallNode | undefined {
  const grew = (node: CallNode): number => (node.after?.exclusive ?? 0) - (node.before?.exclusive ?? 0);
  const of = file.classified
    .filter(
      ({ node, role }) =>
        node.service === cause.target.service &&
        (cause.target.operation === undefined ? role === 'own' : node.operation === cause.target.operation),
    )
    .map(({ node }) => node);
  return of.reduce<CallNode | undefined>(
    (most, node) => (most === undefined || grew(node) > grew(most) ? node : most),
    undefined,
  );
}

/** The tree as the panel shows it: each operation's own time in both windows. */
export function operationShares(tree: CallTree, hasBaseline: boolean): readonly OperationShare[] {
  return tree.nodes.map((node) => ({
    service: node.service,
    operation: node.operation,
    parentOperation: node.parentOperation,
    depth: node.depth,
    exclusiveBefore: hasBaseline ? (node.before?.exclusive ?? 0) : null,
    exclusiveAfter: node.after?.exclusive ?? 0,
    totalAfter: node.after?.total ?? 0,
    callsPerRequestBefore: hasBaseline ? (node.before?.calls ?? 0) : null,
    callsPerRequestAfter: node.after?.calls ?? 0,
    p95After: node.after?.p95 ?? 0,
  }));
}
