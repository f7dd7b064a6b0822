import type { NodePath } from '@babel/traverse';
import { Problem } from '../../../problem.ts';
import { follow } from './bindings.ts';
import { configRead } from './config-read.ts';
import { whereIs } from './module.ts';
import type { Place } from './place.ts';
import { cannotFollow, keyOf, step, type Trail, unwrap } from './trail.ts';

const CONVERSIONS = new Set(['String', 'Number', 'parseInt', 'parseFloat']);

/** Follows an expression to the literal, constant or configuration key that decides it. */
export async function resolveValue(given: NodePath, trail: Trail): Promise<Place> {
  const path = unwrap(given);
  const next = step(path, trail);
  if (path.isStringLiteral()) return literal(path, path.node.value, next);
  if (path.isNumericLiteral()) return literal(path, String(path.node.value), next);
  if (path.isTemplateLiteral()) {
    const quasis = path.node.quasis.map((quasi) => quasi.value.cooked ?? '');
    if (path.node.expressions.length === 0) return literal(path, quasis[0] ?? '', next);
    const [only] = path.get('expressions');
    if (only && path.node.expressions.length === 1 && quasis.every((text) => text === '')) {
      return resolveValue(only, next);
    }
  }
  if (path.isLogicalExpression() && path.node.operator !== '&&') {
    const config = await configRead(path.get('left'), next);
    if (config?.place) return config.place;
    if (config) return resolveValue(path.get('right'), { ...next, how: 'default' });
  }
  if (path.isCallExpression()) return resolveCall(path, next);
  if (path.isIdentifier() || path.isMemberExpression()) {
    const target = await follow(path, next);
    return resolveValue(target.path, target.trail);
  }
  throw cannotFollow(path, next);
}

async function resolveCall(path: NodePath, trail: Trail): Promise<Place> {
  if (!path.isCallExpression()) throw cannotFollow(path, trail);
  const config = await configRead(path, trail);
  if (config?.place) return config.place;
  if (config) {
    throw new Problem(
      'unsupported',
      `The configuration key ${config.key} (${whereIs(trail.module, path.node)}) is not set for ${trail.stack.fqn}, and the program has no default for it.`,
      `Set it: \`pulumi config set ${config.key} … --stack ${trail.stack.fqn}\`.`,
    );
  }
  const callee = path.get('callee');
  const [first] = path.get('arguments');
  if (callee.isIdentifier() && CONVERSIONS.has(callee.node.name) && first) return resolveValue(first, trail);
  if (callee.isMemberExpression()) {
    const name = keyOf(callee.node.property, callee.node.computed);
    if (name === 'toString') return resolveValue(callee.get('object'), trail);
    if (name === 'output' && first) return resolveValue(first, trail);
  }
  throw cannotFollow(path, trail);
}

function literal(path: NodePath, value: string, trail: Trail): Place {
  const { start, end } = path.node;
  if (start == null || end == null) throw cannotFollow(path, trail);
  const line = whereIs(trail.module, path.node);
  const words = {
    literal: 'the literal',
    constant: 'the constant',
    default: 'the default',
    config: 'the value',
  };
  return {
    file: trail.module.file,
    start,
    end,
    text: trail.module.text.slice(start, end),
    value,
    how: trail.how,
    described: `${words[trail.how]} in ${line}`,
    sharedWith: [...new Set(trail.sharedWith)],
  };
}
