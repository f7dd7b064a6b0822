import { isAbsolute, relative, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { StackRef, StackResource } from '../infrastructure/model.ts';
import { Problem } from '../problem.ts';

/** Opens the place where a resource is declared. The position comes from the state, so it must lie in the project's folder. */
export async function openSource(stack: StackRef, resource: StackResource): Promise<void> {
  const at = resource.source;
  if (at === undefined) {
    throw new Problem(
      'not-found',
      'The state does not say where this resource is declared.',
      'Update the stack once with a Pulumi CLI that records source positions.',
    );
  }
  const path = resolve(stack.projectDir, at.file);
  const inside = relative(stack.projectDir, path);
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw new Problem(
      'refused',
      `${at.file} lies outside of the project.`,
      'Open it by hand if you trust it.',
    );
  }
  const start = new vscode.Position(Math.max(0, at.line - 1), Math.max(0, at.column - 1));
  await vscode.window.showTextDocument(vscode.Uri.file(path), { selection: new vscode.Range(start, start) });
}
