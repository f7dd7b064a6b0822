import type { NodePath } from '@babel/traverse';
import type { NewExpression } from '@babel/types';
import { Problem } from '../../../problem.ts';
import type { StackResource } from '../../model.ts';
import type { ProgramModule } from './module.ts';

/**
 * The `new Type("name", args)` of a resource. The state's source position is from the last update, so the name is
 * checked too; where the lines have moved since, the name and the type alone find it, if they do so once.
 */
export function findConstruction(module: ProgramModule, resource: StackResource): NodePath<NewExpression> {
  const all: NodePath<NewExpression>[] = [];
  module.root.traverse({
    NewExpression(path) {
      all.push(path);
    },
  });
  const here = all.filter((path) => startsAt(path, resource));
  const exact =
    here.find((path) => nameOf(path) === resource.name) ?? here.find((path) => nameOf(path) === undefined);
  if (exact) return exact;
  const named = all.filter((path) => nameOf(path) === resource.name && classOf(path) === typeName(resource));
  const [only] = named;
  if (only && named.length === 1) return only;
  throw new Problem(
    'stale',
    `${module.file} has ${named.length === 0 ? 'no' : 'more than one'} \`new ${typeName(resource)}("${resource.name}", …)\`; the state says line ${resource.source?.line ?? '?'}.`,
    'The program was changed since the last update: run `pulumi up` once, or make the change by hand.',
  );
}

function startsAt(path: NodePath<NewExpression>, resource: StackResource): boolean {
  const start = path.node.loc?.start;
  const source = resource.source;
  if (!start || !source || start.line !== source.line) return false;
  // Without a source map the column may be the compiled file's: then the line, and the name, must do.
  return start.column + 1 === source.column || classOf(path) === typeName(resource);
}

/** `undefined` where the name is not a plain text. */
function nameOf(path: NodePath<NewExpression>): string | undefined {
  const [first] = path.node.arguments;
  if (first?.type === 'StringLiteral') return first.value;
  if (first?.type === 'TemplateLiteral' && first.expressions.length === 0) {
    return first.quasis[0]?.value.cooked ?? undefined;
  }
  return undefined;
}

function classOf(path: NodePath<NewExpression>): string | undefined {
  const callee = path.node.callee;
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression' && callee.property.type === 'Identifier')
    return callee.property.name;
  return undefined;
}

function typeName(resource: StackResource): string {
  return resource.type.split(':').at(-1) ?? resource.type;
}

/** `new aws.ecs.TaskDefinition("api")` around a node, in words; `undefined` at the top level. */
export function enclosingConstruction(path: NodePath): string | undefined {
  const found = path.findParent((parent) => parent.isNewExpression());
  if (!found?.isNewExpression()) return undefined;
  const name = nameOf(found);
  return `new ${classOf(found) ?? '…'}(${name === undefined ? '…' : JSON.stringify(name)})`;
}
