import { environmentRuntime } from './environment-runtime.ts';
import type { Progress, Runtime } from './runtime.ts';
import { call, definitions, type ToolDefinition, type ToolResult } from './toolbox.ts';

export interface ProgressParams {
  readonly progressToken: string | number;
  readonly progress: number;
  readonly total: number;
  readonly message: string;
  readonly [key: string]: unknown;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly client: string;
  readonly progressToken?: string | number | undefined;
  notify(progress: ProgressParams): Promise<void>;
}

/** The tools and what stands behind them, for as long as a client is connected. */
export interface Session {
  definitions(): ToolDefinition[];
  /** Undefined when there is no tool of that name. */
  call(name: string, input: unknown, options: CallOptions): Promise<ToolResult | undefined>;
}

export function openSession(runtime: Runtime = environmentRuntime(process.env, process.cwd())): Session {
  // Standard output belongs to the protocol; what a library prints there would end the connection.
  console.log = console.info = console.debug = console.error;
  return {
    definitions,
    async call(name, input, options) {
      const { progress, sent } = progressOf(options);
      const { signal, client } = options;
      const result = await call(name, input, { runtime, signal, client, progress });
      // Progress that comes after its answer is dropped by clients, or taken for an error.
      await sent();
      return result;
    },
  };
}

/** Progress must grow with each notification, also when a step can't tell how far it is. */
function progressOf({ progressToken, notify }: CallOptions): {
  progress: Progress;
  sent(): Promise<unknown>;
} {
  if (progressToken === undefined) return { progress: () => {}, sent: async () => {} };
  const sending: Promise<void>[] = [];
  let last = 0;
  const progress: Progress = (label, fraction) => {
    last = Math.max(last + (1 - last) / 100, Math.min(fraction ?? 0, 1));
    // A client that has gone away is noticed by the connection's end, not here.
    sending.push(notify({ progressToken, progress: last, total: 1, message: label }).catch(() => {}));
  };
  return { progress, sent: () => Promise.all(sending) };
}
