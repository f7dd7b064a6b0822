import type { NodePath } from '@babel/traverse';
import { Problem } from '../../../problem.ts';
import { whereIs } from './module.ts';
import type { Place } from './place.ts';
import { configPlace } from './stack-config.ts';
import { keyOf, step, type Trail, unwrap } from './trail.ts';

const CONFIG_READS = /^(get|require)(Number)?$/;
const CONFIG_SECRETS = /^(get|require)Secret/;

/** `config.get("k")` and its kin: the key, and the place that sets it for this stack. */
export async function configRead(
  given: NodePath,
  trail: Trail,
): Promise<{ key: string; place: Place | undefined } | undefined> {
  const path = unwrap(given);
  if (path.isIdentifier()) {
    const binding = path.scope.getBinding(path.node.name);
    if (!binding?.constant || !binding.path.isVariableDeclarator()) return undefined;
    const init = binding.path.get('init');
    return init.node ? configRead(init as NodePath, step(path, trail)) : undefined;
  }
  if (!path.isCallExpression()) return undefined;
  const callee = path.get('callee');
  if (!callee.isMemberExpression()) return undefined;
  const method = keyOf(callee.node.property, callee.node.computed) ?? '';
  const namespace = configNamespace(callee.get('object'), trail);
  const [first] = path.node.arguments;
  if (namespace === undefined || first?.type !== 'StringLiteral') return undefined;
  const key = first.value.includes(':') ? first.value : `${namespace}:${first.value}`;
  if (CONFIG_SECRETS.test(method)) {
    throw new Problem(
      'unsupported',
      `${whereIs(trail.module, path.node)} reads ${key} as a secret.`,
      'Set it by hand with `pulumi config set --secret`.',
    );
  }
  if (!CONFIG_READS.test(method)) return undefined;
  return { key, place: await configPlace(trail.files, trail.stack, key, trail.sharedWith) };
}

/** The namespace of a `new pulumi.Config(…)`, followed through a constant; `undefined` where it is something else. */
function configNamespace(given: NodePath, trail: Trail): string | undefined {
  let path = unwrap(given);
  if (path.isIdentifier()) {
    const binding = path.scope.getBinding(path.node.name);
    if (!binding?.path.isVariableDeclarator()) return undefined;
    path = unwrap(binding.path.get('init') as NodePath);
  }
  if (!path.isNewExpression()) return undefined;
  const callee = path.node.callee;
  const name =
    callee.type === 'Identifier'
      ? callee.name
      : callee.type === 'MemberExpression' && callee.property.type === 'Identifier'
        ? callee.property.name
        : '';
  if (name !== 'Config') return undefined;
  const [first] = path.node.arguments;
  if (!first) return trail.stack.project;
  return first.type === 'StringLiteral' ? first.value : undefined;
}
