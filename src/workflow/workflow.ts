import type { Diagnosis, Evidence, LatencyPoint } from '../diagnosis/diagnosis.ts';
import type {
  MetricsSource,
  StackRef,
  StackResource,
  StackSnapshot,
  StackSource,
  StackUpdate,
} from '../infrastructure/model.ts';
import { Problem, toProblem } from '../problem.ts';
import type { Proposal } from '../remediation/proposal.ts';
import type { TelemetryStore, TimeWindow } from '../telemetry/query.ts';
import { latencyOf, operationRows } from './latency.ts';
import type { PanelState, ProblemView, ProposalView } from './messages.ts';
import type { DiagnoseRequest, Disposable, OperationRow, ProposedFile, Workflow } from './workflow-api.ts';

export type Progress = (label: string, fraction: number | null) => void;

/** The gate as the workflow uses it; src/remediation/gate/gate.ts is the one that stands behind it. */
export interface GatePort {
  readonly views: readonly ProposalView[];
  onDidChange(listener: () => void): Disposable;
  submit(proposal: Proposal): Promise<void>;
  files(id: string): Promise<readonly ProposedFile[]>;
  approve(id: string, shownDiffSha256: string): Promise<void>;
  reject(id: string): void;
  preview(id: string, signal: AbortSignal, progress: Progress): Promise<unknown>;
  confirm(id: string, typed?: string): Promise<void>;
  apply(id: string, signal: AbortSignal, progress: Progress): Promise<void>;
  verify(id: string, signal: AbortSignal, progress: Progress): Promise<unknown>;
  rollBack(id: string): Promise<Proposal>;
}

export interface EnginePort {
  diagnose(
    request: DiagnoseRequest,
    sources: { telemetry: TelemetryStore; metrics: MetricsSource | null; stacks: StackSource | null },
    signal: AbortSignal,
    progress: Progress,
  ): Promise<Diagnosis>;
  narrate(diagnosis: Diagnosis): { headline: string; sentences: readonly string[] };
  /** The patch that would help, or null where none would; a Problem where one would but can't be written. */
  propose(diagnosis: Diagnosis, stacks: StackSource, signal: AbortSignal): Promise<Proposal | null>;
}

/** Everything is asked for when it is needed, so that building a workflow costs nothing at activation. */
export interface WorkflowPorts {
  telemetry(): Promise<TelemetryStore>;
  metrics(): Promise<MetricsSource | null>;
  stacks(): Promise<StackSource>;
  engine(): Promise<EnginePort>;
  gate(): Promise<GatePort>;
  dataset(): string;
  log(message: string): void;
}

/** The one path: query → diagnosis → patch → approval → preview → apply → verify, as states that every face shows alike. */
class CaseWorkflow implements Workflow {
  readonly #ports: WorkflowPorts;
  readonly #listeners = new Set<(state: PanelState) => void>();
  readonly #resources = new Map<string, { stack: StackRef; resource: StackResource }>();
  #gate: Promise<GatePort> | undefined;
  #watch: Disposable | undefined;
  #running: AbortController | undefined;
  /** By proposal: how latency went on after the diagnosis. */
  readonly #since = new Map<string, readonly LatencyPoint[]>();
  #state: PanelState = {
    phase: 'idle',
    progress: null,
    problem: null,
    diagnosis: null,
    narrative: null,
    proposals: [],
    sources: { telemetry: '', metrics: '', stack: '' },
  };

  constructor(ports: WorkflowPorts) {
    this.#ports = ports;
  }

  get state(): PanelState {
    return this.#state;
  }

  onDidChange(listener: (state: PanelState) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /** A second question cancels the first: there is one panel, and it shows one answer. */
  async diagnose(request: DiagnoseRequest, signal: AbortSignal): Promise<Diagnosis> {
    this.#running?.abort();
    const own = new AbortController();
    this.#running = own;
    const both = AbortSignal.any([signal, own.signal]);
    const progress: Progress = (label, fraction) => {
      if (this.#running === own) this.#set({ progress: { label, fraction } });
    };
    this.#set({ phase: 'diagnosing', problem: null, progress: { label: 'Connecting', fraction: null } });
    try {
      const [telemetry, metrics, stacks, engine] = await unlessAborted(
        Promise.all([
          this.#ports.telemetry(),
          this.#ports.metrics(),
          this.#stacksOrWhyNot(),
          this.#ports.engine(),
        ]),
        both,
      );
      const diagnosis = await engine.diagnose(
        request,
        { telemetry, metrics, stacks: stacks instanceof Problem ? null : stacks },
        both,
        progress,
      );
      this.#since.clear();
      progress('Looking for a change that would help', null);
      const proposing =
        stacks instanceof Problem ? view(stacks) : await this.#propose(engine, diagnosis, stacks, both);
      // A later question has taken the panel over: this answer is the caller's alone.
      if (this.#running !== own) return diagnosis;
      this.#set({
        phase: 'diagnosed',
        progress: null,
        problem: proposing,
        diagnosis,
        narrative: engine.narrate(diagnosis),
        sources: {
          telemetry: telemetry.name,
          metrics: metrics?.name ?? 'none',
          stack: diagnosis.workloads[0]?.taskDefinitionUrn?.split('::')[0]?.replace('urn:pulumi:', '') ?? '',
        },
      });
      return diagnosis;
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (this.#running === own) {
        const cancelled = problem.code === 'cancelled';
        this.#set({
          phase: cancelled ? (this.#state.diagnosis ? 'diagnosed' : 'idle') : 'failed',
          progress: null,
          problem: cancelled ? null : view(problem),
        });
      }
      throw problem;
    } finally {
      if (this.#running === own) this.#running = undefined;
    }
  }

  /** Telemetry can be read where stacks can't: in a workspace that is not trusted, or with no program in it. */
  async #stacksOrWhyNot(): Promise<StackSource | Problem> {
    try {
      return await this.#ports.stacks();
    } catch (thrown) {
      return toProblem(thrown);
    }
  }

  /** A diagnosis stands without a patch; why none could be written is shown beside it. */
  async #propose(
    engine: EnginePort,
    diagnosis: Diagnosis,
    stacks: StackSource,
    signal: AbortSignal,
  ): Promise<ProblemView | null> {
    try {
      const proposal = await engine.propose(diagnosis, stacks, signal);
      if (proposal) await this.submit(proposal);
      return null;
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (problem.code === 'cancelled') throw problem;
      this.#ports.log(`No patch: ${problem.message}`);
      return view(problem);
    }
  }

  evidence(id: string): Evidence | undefined {
    return this.#state.diagnosis?.evidence.find((item) => item.id === id);
  }

  async operations(window: TimeWindow, signal?: AbortSignal): Promise<readonly OperationRow[]> {
    return operationRows(await this.#ports.telemetry(), this.#ports.dataset(), window, signal);
  }

  async stacks(signal?: AbortSignal): Promise<readonly StackRef[]> {
    return (await this.#ports.stacks()).stacks(signal);
  }

  async snapshot(stack: StackRef, signal?: AbortSignal): Promise<StackSnapshot> {
    const snapshot = await (await this.#ports.stacks()).snapshot(stack, signal);
    for (const resource of snapshot.resources) this.#resources.set(resource.urn, { stack, resource });
    return snapshot;
  }

  async updates(stack: StackRef, signal?: AbortSignal): Promise<readonly StackUpdate[]> {
    return (await this.#ports.stacks()).updates(stack, 10, signal);
  }

  resource(urn: string) {
    return this.#resources.get(urn);
  }

  proposal(id: string): Proposal | undefined {
    return this.#state.proposals.find((shown) => shown.proposal.id === id)?.proposal;
  }

  async submit(proposal: Proposal): Promise<void> {
    await (await this.#openGate()).submit(proposal);
  }

  async proposedFiles(id: string): Promise<readonly ProposedFile[]> {
    return (await this.#openGate()).files(id);
  }

  async approve(id: string, shownDiffSha256: string, signal: AbortSignal): Promise<void> {
    const gate = await this.#openGate();
    await gate.approve(id, shownDiffSha256);
    await gate.preview(id, signal, () => {});
  }

  async reject(id: string): Promise<void> {
    (await this.#openGate()).reject(id);
  }

  async confirm(id: string, typed: string | undefined, signal: AbortSignal): Promise<void> {
    const gate = await this.#openGate();
    await (typed === undefined ? gate.confirm(id) : gate.confirm(id, typed));
    await gate.apply(id, signal, () => {});
    await this.verify(id, signal);
  }

  async verify(id: string, signal: AbortSignal): Promise<void> {
    const gate = await this.#openGate();
    await gate.verify(id, signal, () => {});
    await this.#goOn(id, gate, signal);
  }

  /** The chart's latency from the diagnosis to now, with the deployment in it. The verification stands without it. */
  async #goOn(id: string, gate: GatePort, signal: AbortSignal): Promise<void> {
    const { diagnosis } = this.#state;
    if (!diagnosis?.symptom) return;
    try {
      const store = await this.#ports.telemetry();
      const window = { start: diagnosis.incident.end, end: Date.now() };
      const looked = { start: diagnosis.latency[0]?.time ?? window.start, end: window.end };
      this.#since.set(
        id,
        await latencyOf(store, this.#ports.dataset(), diagnosis.symptom, window, looked, signal),
      );
      this.#set({ proposals: this.#views(gate) });
    } catch (thrown) {
      this.#ports.log(`The chart could not be brought up to date: ${toProblem(thrown).message}`);
    }
  }

  #views(gate: GatePort): readonly ProposalView[] {
    return gate.views.map((shown) => {
      const latencySince = this.#since.get(shown.proposal.id);
      return latencySince === undefined ? shown : { ...shown, latencySince };
    });
  }

  async rollBack(id: string): Promise<Proposal> {
    const gate = await this.#openGate();
    const reverse = await gate.rollBack(id);
    await gate.submit(reverse);
    return reverse;
  }

  dispose(): void {
    this.#running?.abort();
    this.#watch?.dispose();
    this.#listeners.clear();
  }

  /** Opened once; what could not be opened is tried again by the next that asks. */
  #openGate(): Promise<GatePort> {
    this.#gate ??= this.#ports.gate().then(
      (gate) => {
        this.#watch = gate.onDidChange(() => this.#set({ proposals: this.#views(gate) }));
        this.#set({ proposals: this.#views(gate) });
        return gate;
      },
      (thrown: unknown) => {
        this.#gate = undefined;
        throw thrown;
      },
    );
    return this.#gate;
  }

  #set(change: Partial<PanelState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener(this.#state);
  }
}

/** What is waited for can't be stopped, but the person need not wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function view(problem: Problem): ProblemView {
  return { message: problem.message, nextStep: problem.nextStep };
}

export function createWorkflow(ports: WorkflowPorts): Workflow {
  return new CaseWorkflow(ports);
}
