import { Problem } from '../../problem.ts';
import type { StackRef, StackSnapshot, StackSource, StackUpdate } from '../model.ts';
import type { PulumiSettings } from './cli.ts';
import { parseHistory } from './history.ts';
import { findProjects, type PulumiProject } from './projects.ts';
import { PulumiReader } from './reader.ts';
import { parseSnapshot } from './state.ts';

export interface PulumiStacksOptions extends PulumiSettings {
  /** Absolute paths of the workspace's folders. */
  readonly folders: readonly string[];
}

/** The stacks of the Pulumi projects in the workspace's folders, read with the CLI. Never selects a stack. */
export class PulumiStacks implements StackSource {
  readonly #reader: PulumiReader;
  readonly #folders: readonly string[];

  constructor(options: PulumiStacksOptions) {
    this.#reader = new PulumiReader(options);
    this.#folders = options.folders;
  }

  async stacks(signal?: AbortSignal): Promise<readonly StackRef[]> {
    const projects = await findProjects(this.#folders, signal);
    if (projects.length === 0) {
      throw new Problem(
        'not-found',
        `There is no Pulumi project (Pulumi.yaml) in ${this.#folders.join(', ') || 'the workspace: no folder is open'}.`,
        'Open the folder that holds your Pulumi program.',
      );
    }
    const found: StackRef[] = [];
    for (const project of projects) found.push(...(await this.#stacksOf(project, signal)));
    if (found.length === 0) {
      throw new Problem(
        'no-stack',
        `${projects.map((project) => `Project ${project.name}`).join(', ')} has no stack in this backend.`,
        'Run `pulumi stack init`, or log in to the backend that holds your stacks (`pulumi login`).',
      );
    }
    return found;
  }

  async snapshot(stack: StackRef, signal?: AbortSignal): Promise<StackSnapshot> {
    return parseSnapshot(stack, await this.#reader.export(stack, signal));
  }

  async updates(stack: StackRef, limit: number, signal?: AbortSignal): Promise<readonly StackUpdate[]> {
    return parseHistory(await this.#reader.history(stack, limit, signal), stack.fqn).slice(0, limit);
  }

  async #stacksOf(project: PulumiProject, signal: AbortSignal | undefined): Promise<StackRef[]> {
    const backend = await this.#reader.backend(project.dir, signal);
    const names = await this.#reader.stackNames(project.dir, signal);
    return names.map((listed) => {
      const fqn = fullyQualified(listed, project.name, backend);
      return {
        fqn,
        project: project.name,
        name: fqn.split('/').at(-1) ?? listed,
        backend: backend.url,
        projectDir: project.dir,
      };
    });
  }
}

/**
 * `lab` → `organization/project/lab` for backends without organisations (their one organisation has that very name);
 * Pulumi Cloud lists `org/name` or `org/project/name`, and a short name for the login's own organisation.
 */
function fullyQualified(listed: string, project: string, backend: { url: string; user: string }): string {
  const parts = listed.split('/');
  if (parts.length >= 3) return listed;
  if (parts.length === 2) return `${parts[0]}/${project}/${parts[1]}`;
  const organization = /^https?:/.test(backend.url) ? backend.user : 'organization';
  return `${organization}/${project}/${listed}`;
}
