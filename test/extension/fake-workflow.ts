import type { StackRef, StackResource, StackSnapshot, StackUpdate } from '../../src/infrastructure/model.ts';
import { diffDigest } from '../../src/remediation/diff.ts';
import type { Proposal } from '../../src/remediation/proposal.ts';
import type { PanelState, ProposalView } from '../../src/workflow/messages.ts';
import type {
  DiagnoseRequest,
  Disposable,
  OperationRow,
  ProposedFile,
  Workflow,
} from '../../src/workflow/workflow-api.ts';
import { diagnosed, idle, preview, proposed, verification } from '../webview/fixture.ts';
import { diagnosis } from '../webview/fixture-diagnosis.ts';

/** A workflow that answers at once and notes what it was asked; its proposal changes a real file of the workspace. */
export class FakeWorkflow implements Workflow {
  readonly calls: string[] = [];
  readonly #listeners = new Set<(state: PanelState) => void>();
  files: readonly ProposedFile[];
  /** While it is pending, a confirmed change is applied and not verified. */
  holdAfterApplied: Promise<void> | undefined;
  /** What rejecting throws. */
  rejecting: Error | undefined;
  readonly stack: StackRef;
  state: PanelState = idle;
  rows: readonly OperationRow[] | Error = [];

  constructor(projectDir: string, files: readonly ProposedFile[]) {
    this.stack = { ...proposed.proposal.stack, projectDir };
    this.files = files;
  }

  /** Waits until the given call was made. */
  async called(prefix: string): Promise<string> {
    for (let tries = 0; tries < 200; tries += 1) {
      const found = this.calls.find((call) => call.startsWith(prefix));
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${prefix} was not called; called: ${this.calls.join(', ')}`);
  }

  set(change: Partial<PanelState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener(this.state);
  }

  /** Puts one proposal over the workspace's files into the state, at the given point of its way. */
  propose(change: Partial<ProposalView> = {}, own: Partial<Proposal> = {}): Proposal {
    const proposal: Proposal = {
      ...proposed.proposal,
      stack: this.stack,
      diffSha256: diffDigest(this.files),
      ...own,
    };
    this.set({ ...diagnosed, proposals: [{ ...proposed, ...change, proposal }] });
    return proposal;
  }

  onDidChange(listener: (state: PanelState) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  async diagnose(request: DiagnoseRequest, signal: AbortSignal) {
    this.calls.push(
      `diagnose ${request.lookbackMinutes} ${request.service ?? ''} ${request.operation ?? ''}`.trim(),
    );
    signal.throwIfAborted();
    this.set(diagnosed);
    return diagnosis;
  }

  evidence(id: string) {
    return diagnosis.evidence.find((e) => e.id === id);
  }

  async operations(): Promise<readonly OperationRow[]> {
    this.calls.push('operations');
    if (this.rows instanceof Error) throw this.rows;
    return this.rows;
  }

  async stacks(): Promise<readonly StackRef[]> {
    return [this.stack];
  }

  async snapshot(stack: StackRef): Promise<StackSnapshot> {
    return { stack, resources: [this.taskDefinition], pendingOperations: [], digest: 'd' };
  }

  async updates(): Promise<readonly StackUpdate[]> {
    const end = Date.now() - 5 * 60_000;
    return [
      { kind: 'update', result: 'succeeded', start: end - 9000, end, message: '', changes: { update: 1 } },
    ];
  }

  readonly taskDefinition: StackResource = {
    urn: 'urn:pulumi:lab::infra::aws:ecs/taskDefinition:TaskDefinition::app',
    type: 'aws:ecs/taskDefinition:TaskDefinition',
    name: 'app',
    dependencies: [],
    protect: false,
    inputs: {},
    outputs: {},
    source: { file: 'index.ts', line: 2, column: 1 },
  };

  resource(urn: string) {
    return urn === this.taskDefinition.urn ? { stack: this.stack, resource: this.taskDefinition } : undefined;
  }

  proposal(id: string) {
    return this.state.proposals.find((p) => p.proposal.id === id)?.proposal;
  }

  async submit(proposal: Proposal): Promise<void> {
    this.calls.push(`submit ${proposal.id}`);
    this.set({ proposals: [{ ...proposed, proposal }, ...this.state.proposals] });
  }

  async proposedFiles(): Promise<readonly ProposedFile[]> {
    return this.files;
  }

  async approve(id: string, shownDiffSha256: string): Promise<void> {
    this.calls.push(`approve ${id} ${shownDiffSha256}`);
    this.propose({ state: 'previewed', preview, approvalExpiresAt: Date.now() + 600_000 });
  }

  async reject(id: string): Promise<void> {
    this.calls.push(`reject ${id}`);
    if (this.rejecting !== undefined) throw this.rejecting;
  }

  async confirm(id: string, typed: string | undefined): Promise<void> {
    this.calls.push(`confirm ${id} ${typed ?? 'untyped'}`);
    if (this.holdAfterApplied !== undefined) {
      this.propose({ state: 'applied', filesStand: true, preview });
      await this.holdAfterApplied;
    }
    this.propose({ state: 'verified', preview, verification, deployedAt: verification.deployedAt });
  }

  async verify(id: string): Promise<void> {
    this.calls.push(`verify ${id}`);
    this.propose({ state: 'verified', preview, verification, deployedAt: verification.deployedAt });
  }

  async rollBack(id: string): Promise<Proposal> {
    this.calls.push(`rollBack ${id}`);
    return this.propose();
  }

  dispose(): void {
    this.#listeners.clear();
  }
}
