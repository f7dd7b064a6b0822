import { type FSWatcher, watch } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { Problem, toProblem } from '../problem.ts';
import type { Proposal } from './proposal.ts';
import { parseProposal } from './proposal-schema.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const NAME = /^pr_[0-9a-f]{12}\.json$/;

/**
 * The inbox: a folder in which the MCP server leaves proposals and the window finds them. What lies there is untrusted,
 * stands for no approval, and is taken in only as something to be looked at.
 */
export class ProposalStore {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Writes one proposal, whole or not at all. */
  async put(proposal: Proposal): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(join(this.dir, `${proposal.id}.json`), `${JSON.stringify(proposal)}\n`, {
      mode: 0o600,
    });
  }

  /** One proposal; a Problem where there is none of that id, or the file is not one. */
  async get(id: string): Promise<Proposal> {
    const name = `${id}.json`;
    if (!NAME.test(name)) {
      throw new Problem(
        'bad-input',
        `${JSON.stringify(id.slice(0, 60))} is not the id of a proposal.`,
        'Ids look like pr_0123456789ab.',
      );
    }
    const path = join(this.dir, name);
    const stat = await lstat(path).catch(() => undefined);
    if (!stat?.isFile()) {
      throw new Problem('not-found', `There is no proposal ${id}.`, 'List the proposals, or propose again.');
    }
    if (stat.size > MAX_BYTES) {
      throw new Problem(
        'bad-input',
        `The file of proposal ${id} is larger than 4 MiB.`,
        'Remove it from the inbox.',
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(await readFile(path, 'utf8'));
    } catch (cause) {
      throw new Problem('bad-input', `The file of proposal ${id} is not JSON.`, 'Propose again.', { cause });
    }
    const proposal = parseProposal(value);
    if (proposal.id !== id) {
      throw new Problem('bad-input', `The file of proposal ${id} holds another one.`, 'Propose again.');
    }
    return proposal;
  }

  /** All proposals that can be read, newest first, and a Problem for each that can't. */
  async list(): Promise<{ proposals: readonly Proposal[]; problems: readonly Problem[] }> {
    const names = await readdir(this.dir).catch(() => []);
    const proposals: Proposal[] = [];
    const problems: Problem[] = [];
    for (const name of names.filter((one) => NAME.test(one))) {
      try {
        proposals.push(await this.get(name.slice(0, -'.json'.length)));
      } catch (thrown) {
        problems.push(toProblem(thrown));
      }
    }
    return { proposals: proposals.sort((a, b) => b.createdAt - a.createdAt), problems };
  }

  async remove(id: string): Promise<void> {
    if (NAME.test(`${id}.json`)) await rm(join(this.dir, `${id}.json`), { force: true });
  }

  /** Calls back with every proposal that is there and each that comes; a Problem where one can't be read. */
  async watch(
    onProposal: (proposal: Proposal) => void,
    onProblem: (problem: Problem) => void,
  ): Promise<{ dispose(): void }> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const seen = new Map<string, number>();
    let scanning = Promise.resolve();
    const scan = async () => {
      for (const name of await readdir(this.dir).catch(() => [])) {
        if (!NAME.test(name)) continue;
        const stat = await lstat(join(this.dir, name)).catch(() => undefined);
        if (!stat || seen.get(name) === stat.mtimeMs) continue;
        seen.set(name, stat.mtimeMs);
        try {
          onProposal(await this.get(name.slice(0, -'.json'.length)));
        } catch (thrown) {
          onProblem(toProblem(thrown));
        }
      }
    };
    const queue = () => {
      scanning = scanning.then(scan);
    };
    const watcher: FSWatcher = watch(this.dir, { persistent: false }, queue);
    watcher.on('error', (error) => onProblem(toProblem(error)));
    queue();
    await scanning;
    return { dispose: () => watcher.close() };
  }
}
