import { Problem } from '../../../problem.ts';
import type { StackResource, StackSnapshot } from '../../model.ts';
import { projectAt } from '../projects.ts';
import { findProperty } from './bindings.ts';
import { findConstruction } from './construction.ts';
import { type ProgramFiles, projectFilesAt } from './files.ts';
import { loadModule, whereIs } from './module.ts';
import type { Place } from './place.ts';
import type { Trail } from './trail.ts';
import { resolveValue } from './values.ts';
import { yamlPlace } from './yaml-program.ts';

/** Far more than a program that a person reads has between a value and its use. */
const MAX_STEPS = 40;

export interface LocateRequest {
  readonly snapshot: StackSnapshot;
  readonly urn: string;
  /** A top-level property of the resource, such as `cpu`. */
  readonly property: string;
}

/**
 * From a resource of a stack to the place in the program's text that sets one of its properties, with no model:
 * by the source position that the state keeps. A Problem says where and at what the way ends.
 */
export async function locateProperty(request: LocateRequest): Promise<Place> {
  const { snapshot, urn, property } = request;
  const resource = snapshot.resources.find((one) => one.urn === urn);
  if (!resource) {
    throw new Problem(
      'not-found',
      `${snapshot.stack.fqn} has no resource ${urn}.`,
      'Refresh the stack and diagnose again.',
    );
  }
  const project = await projectAt(snapshot.stack.projectDir);
  const files = projectFilesAt(snapshot.stack.projectDir);
  if (project.runtime === 'yaml') {
    const place = await yamlPlace(files, snapshot.stack, resource, property);
    if (place) return place;
    throw notSet(resource, property, 'Pulumi.yaml');
  }
  if (project.runtime !== 'nodejs') {
    throw new Problem(
      'unsupported',
      `The program of ${project.name} is for the runtime ${project.runtime}: Plumbline finds places in TypeScript, JavaScript and YAML programs.`,
      `Set ${property} of ${resource.name} by hand.`,
    );
  }
  return inNodeProgram(files, snapshot, resource, property);
}

async function inNodeProgram(
  files: ProgramFiles,
  snapshot: StackSnapshot,
  resource: StackResource,
  property: string,
): Promise<Place> {
  if (!resource.source) {
    throw new Problem(
      'unsupported',
      `The state does not say where in the program ${resource.name} is declared (a package made it, or an old CLI wrote the state).`,
      `Set ${property} by hand, or run \`pulumi up\` once with a current CLI.`,
    );
  }
  const module = await loadModule(files, resource.source.file);
  const construction = findConstruction(module, resource);
  const args = construction.get('arguments')[1];
  if (!args) throw notSet(resource, property, whereIs(module, construction.node));
  const trail: Trail = {
    files,
    stack: snapshot.stack,
    module,
    resource,
    resources: snapshot.resources,
    how: 'literal',
    sharedWith: [],
    steps: MAX_STEPS,
  };
  const found = await findProperty(args, property, trail);
  if (!found) throw notSet(resource, property, whereIs(module, construction.node));
  return resolveValue(found.path, found.trail);
}

function notSet(resource: StackResource, property: string, where: string): Problem {
  return new Problem(
    'unsupported',
    `${where} does not set ${property} of ${resource.name}.`,
    `Add ${property} there by hand.`,
  );
}
