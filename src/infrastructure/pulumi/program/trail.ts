import type { Binding, NodePath } from '@babel/traverse';
import type { Node } from '@babel/types';
import { Problem } from '../../../problem.ts';
import type { StackRef, StackResource } from '../../model.ts';
import { enclosingConstruction } from './construction.ts';
import type { ProgramFiles } from './files.ts';
import { type ProgramModule, textOf, whereIs } from './module.ts';
import type { Place } from './place.ts';

/** What a resolution knows while it follows a value from place to place. */
export interface Trail {
  readonly files: ProgramFiles;
  readonly stack: StackRef;
  readonly module: ProgramModule;
  /** The resource whose arguments are followed, and its parents in the stack, for components. */
  readonly resource: StackResource;
  readonly resources: readonly StackResource[];
  readonly how: Place['how'];
  readonly sharedWith: readonly string[];
  /** Steps left: a program that goes round in circles is not followed for ever. */
  readonly steps: number;
}

/** A place in the program and what was learnt on the way there. */
export interface Found {
  readonly path: NodePath;
  readonly trail: Trail;
}

/** The name of a property or member; `undefined` where it is computed. */
export function keyOf(key: Node, computed: boolean): string | undefined {
  if (key.type === 'StringLiteral') return key.value;
  return key.type === 'Identifier' && !computed ? key.name : undefined;
}

/** Takes types and parentheses off an expression. */
export function unwrap(path: NodePath): NodePath {
  let inner = path;
  while (
    inner.isTSAsExpression() ||
    inner.isTSSatisfiesExpression() ||
    inner.isTSNonNullExpression() ||
    inner.isTSTypeAssertion() ||
    inner.isParenthesizedExpression()
  ) {
    inner = inner.get('expression') as NodePath;
  }
  return inner;
}

/** Other places that read the same binding, in words. */
export function otherUses(binding: Binding, except: NodePath | undefined, module: ProgramModule): string[] {
  return binding.referencePaths
    .filter((use) => use.node !== except?.node && !use.findParent((parent) => parent.isExportSpecifier()))
    .filter((use) => !use.isExportNamedDeclaration())
    .map(
      (use) => `${enclosingConstruction(use) ?? textOf(module, use.parent)} (${whereIs(module, use.node)})`,
    );
}

/** One step further; a Problem when there were too many. */
export function step(path: NodePath, trail: Trail): Trail {
  if (trail.steps === 0) throw cannotFollow(path, trail);
  return { ...trail, steps: trail.steps - 1 };
}

/** The way ends here: says where, and at what. */
export function cannotFollow(path: NodePath, trail: Trail): Problem {
  return new Problem(
    'unsupported',
    `${whereIs(trail.module, path.node)}: \`${textOf(trail.module, path.node)}\` (${kindOf(path)}) can't be followed to one literal, constant or configuration key.`,
    'Make the change by hand, or put the value in a constant or a configuration key.',
  );
}

function kindOf(path: NodePath): string {
  return path.node.type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
