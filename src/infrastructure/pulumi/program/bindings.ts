import type { Binding, NodePath } from '@babel/traverse';
import { Problem } from '../../../problem.ts';
import { findConstruction } from './construction.ts';
import { loadModule, resolveImport, textOf, whereIs } from './module.ts';
import type { Place } from './place.ts';
import { cannotFollow, type Found, keyOf, otherUses, step, type Trail, unwrap } from './trail.ts';

/** Follows an expression to an object literal. */
async function resolveObject(given: NodePath, trail: Trail): Promise<Found> {
  const path = unwrap(given);
  const next = step(path, trail);
  if (path.isObjectExpression()) return { path, trail: next };
  if (path.isIdentifier() || path.isMemberExpression()) {
    const target = await follow(path, next);
    return resolveObject(target.path, target.trail);
  }
  throw cannotFollow(path, next);
}

/**
 * The expression that gives a property of an object, the last one that sets it; spreads are followed.
 * `undefined` where the object does not have it.
 */
export async function findProperty(object: NodePath, name: string, trail: Trail): Promise<Found | undefined> {
  const resolved = await resolveObject(object, trail);
  if (!resolved.path.isObjectExpression()) return undefined;
  for (const member of resolved.path.get('properties').toReversed()) {
    if (member.isSpreadElement()) {
      const found = await findProperty(member.get('argument'), name, resolved.trail);
      if (found) return found;
    } else if (member.isObjectProperty() && keyOf(member.node.key, member.node.computed) === name) {
      return { path: member.get('value') as NodePath, trail: resolved.trail };
    } else if (member.isObjectMethod() && keyOf(member.node.key, member.node.computed) === name) {
      throw cannotFollow(member, resolved.trail);
    }
  }
  return undefined;
}

/** One step from a name or a member to what it stands for. */
export async function follow(path: NodePath, trail: Trail): Promise<Found> {
  if (path.isMemberExpression()) {
    const name = keyOf(path.node.property, path.node.computed);
    const object = path.get('object');
    if (object.matchesPattern('process.env')) {
      throw new Problem(
        'unsupported',
        `${whereIs(trail.module, path.node)} takes \`${textOf(trail.module, path.node)}\` from the environment, which is no part of the program.`,
        'Change it where that variable is set.',
      );
    }
    if (name === undefined) throw cannotFollow(path, trail);
    if (object.isIdentifier()) {
      const namespace = object.scope.getBinding(object.node.name);
      if (namespace?.path.isImportNamespaceSpecifier()) return exported(namespace.path, name, trail);
    }
    const found = await findProperty(object, name, { ...trail, how: constant(trail) });
    if (!found) throw cannotFollow(path, trail);
    return found;
  }
  if (!path.isIdentifier()) throw cannotFollow(path, trail);
  const binding = path.scope.getBinding(path.node.name);
  if (!binding) throw cannotFollow(path, trail);
  const shared = [...trail.sharedWith, ...otherUses(binding, path, trail.module)];
  return followBinding(binding, path.node.name, path, { ...trail, how: constant(trail), sharedWith: shared });
}

async function followBinding(binding: Binding, name: string, from: NodePath, trail: Trail): Promise<Found> {
  const declared = binding.path;
  if (declared.isImportSpecifier()) {
    const imported = declared.node.imported;
    return exported(declared, imported.type === 'StringLiteral' ? imported.value : imported.name, trail);
  }
  if (declared.isImportDefaultSpecifier()) return exported(declared, 'default', trail);
  if (!binding.constant) {
    throw new Problem(
      'unsupported',
      `\`${name}\` (${whereIs(trail.module, declared.node)}) is set more than once, so no one place decides it.`,
      'Make the change by hand.',
    );
  }
  if (declared.isVariableDeclarator()) {
    const init = declared.get('init');
    if (!init.node) throw cannotFollow(declared, trail);
    if (declared.node.id.type === 'Identifier') return { path: init as NodePath, trail };
    if (declared.node.id.type === 'ObjectPattern') {
      const property = declared.node.id.properties.find(
        (one) => one.type === 'ObjectProperty' && one.value.type === 'Identifier' && one.value.name === name,
      );
      const key = property?.type === 'ObjectProperty' ? keyOf(property.key, property.computed) : undefined;
      if (key !== undefined) {
        const required = requiredModule(init as NodePath);
        if (required !== undefined) return exportedFrom(required, key, from, trail);
        const found = await findProperty(init as NodePath, key, trail);
        if (found) return found;
      }
    }
  }
  if (binding.kind === 'param') return followParameter(binding, from, trail);
  throw cannotFollow(from, trail);
}

/** A parameter is followed to the one call of its function, or to the component's own construction in the program. */
async function followParameter(binding: Binding, from: NodePath, trail: Trail): Promise<Found> {
  const owner = binding.path.getFunctionParent() ?? binding.scope.path;
  const params: readonly unknown[] = owner.isFunction() ? owner.node.params : [];
  const index = params.indexOf(binding.path.node);
  if (index === -1) throw cannotFollow(from, trail);
  if (owner.isClassMethod() && owner.node.kind === 'constructor') {
    const component = trail.resources.find((one) => one.urn === trail.resource.parent);
    if (component?.source) {
      const module = await loadModule(trail.files, component.source.file);
      const argument = findConstruction(module, component).get('arguments')[index];
      if (argument) return { path: argument as NodePath, trail: { ...trail, module, resource: component } };
    }
    throw cannotFollow(from, trail);
  }
  const name = owner.isFunctionDeclaration() ? owner.node.id?.name : undefined;
  const calls = name === undefined ? [] : (owner.scope.parent?.getBinding(name)?.referencePaths ?? []);
  const called = calls.map((call) => call.parentPath).filter((call) => call?.isCallExpression());
  const [only] = called;
  if (only?.isCallExpression() && calls.length === 1) {
    const argument = only.get('arguments')[index];
    if (argument) return { path: argument as NodePath, trail };
  }
  throw new Problem(
    'unsupported',
    `\`${textOf(trail.module, from.node)}\` (${whereIs(trail.module, from.node)}) is a parameter of ${name ? `${name}(), which is called ${calls.length} times` : 'a function'}, so no one place decides it.`,
    'Make the change by hand.',
  );
}

async function exported(specifier: NodePath, name: string, trail: Trail): Promise<Found> {
  const declaration = specifier.parentPath;
  if (!declaration?.isImportDeclaration()) throw cannotFollow(specifier, trail);
  return exportedFrom(declaration.node.source.value, name, specifier, trail);
}

async function exportedFrom(specifier: string, name: string, from: NodePath, trail: Trail): Promise<Found> {
  const file = await resolveImport(trail.files, trail.module.file, specifier);
  if (file === undefined) {
    throw new Problem(
      'unsupported',
      `${whereIs(trail.module, from.node)} takes \`${name}\` from ${JSON.stringify(specifier)}, which is not a file of this project.`,
      'Make the change where that value is declared.',
    );
  }
  const module = await loadModule(trail.files, file);
  const inside = { ...trail, module };
  let found: NodePath | undefined;
  module.root.traverse({
    ExportDefaultDeclaration(path) {
      if (name === 'default') found = path.get('declaration') as NodePath;
    },
    ExportSpecifier(path) {
      const as = path.node.exported;
      if ((as.type === 'Identifier' ? as.name : as.value) === name) found = path.get('local') as NodePath;
    },
  });
  if (found) return { path: found, trail: inside };
  const binding = module.root.scope.getBinding(name);
  if (!binding) throw cannotFollow(from, trail);
  const shared = [...trail.sharedWith, ...otherUses(binding, undefined, module)];
  return followBinding(binding, name, binding.path, { ...inside, sharedWith: shared });
}

/** `require("./sizes")` of a CommonJS program: the file it names. */
function requiredModule(path: NodePath): string | undefined {
  const call = unwrap(path);
  if (!call.isCallExpression() || !call.get('callee').isIdentifier({ name: 'require' })) return undefined;
  const [first] = call.node.arguments;
  return first?.type === 'StringLiteral' ? first.value : undefined;
}

function constant(trail: Trail): Place['how'] {
  return trail.how === 'literal' ? 'constant' : trail.how;
}
