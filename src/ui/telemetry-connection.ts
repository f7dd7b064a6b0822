import type { LogOutputChannel } from 'vscode';
import { Problem } from '../problem.ts';
import type { CollectorProcess } from '../telemetry/collector-process.ts';
import type { TelemetryStore } from '../telemetry/query.ts';
import type { Secrets } from './secrets.ts';
import { isLoopback, readSettings, storeLabel } from './settings.ts';

/** Asked of a store on this machine, which takes any key. */
const LOCAL_KEY = 'local';

/** The store that the settings name: Honeycomb, or the local collector, which is started when it is first asked for. */
export class TelemetryConnection {
  readonly #secrets: Secrets;
  readonly #script: string;
  readonly #dataDirectory: string;
  readonly #log: LogOutputChannel;
  #store: { readonly key: string; readonly store: Promise<TelemetryStore> } | undefined;
  #collector: { readonly port: number; readonly process: Promise<CollectorProcess> } | undefined;

  constructor(parts: {
    readonly secrets: Secrets;
    /** Path of the collector's bundle. */
    readonly script: string;
    readonly dataDirectory: string;
    readonly log: LogOutputChannel;
  }) {
    this.#secrets = parts.secrets;
    this.#script = parts.script;
    this.#dataDirectory = parts.dataDirectory;
    this.#log = parts.log;
  }

  /** The store; made anew when the settings name another one. A failure is tried again at the next call. */
  store(): Promise<TelemetryStore> {
    const settings = readSettings();
    const key = settings.honeycombUrl ?? `collector:${settings.collectorPort}`;
    if (this.#store?.key !== key) {
      const store = this.#connect(settings.honeycombUrl);
      this.#store = { key, store };
      store.catch(() => this.forget());
    }
    return this.#store.store;
  }

  /** The next call connects anew: the key changed, or the person asks to try again. */
  forget(): void {
    this.#store = undefined;
  }

  /** Address of the local collector, started if it does not run. */
  async collectorUrl(signal?: AbortSignal): Promise<string> {
    const { collectorPort: port } = readSettings();
    if (this.#collector?.port !== port) {
      // Noted before anything is waited for, so that callers at the same time share one start.
      const process = this.#stopCollector().then(() => this.#startCollector(port));
      this.#collector = { port, process };
      process.then(
        (started) => started.ended.then((words) => this.#collectorEnded(process, words)),
        () => this.#collectorEnded(process),
      );
    }
    signal?.throwIfAborted();
    return (await this.#collector.process).url;
  }

  async #connect(url: string | null): Promise<TelemetryStore> {
    const { HoneycombClient } = await import('../telemetry/honeycomb.ts');
    const apiUrl = url ?? (await this.collectorUrl());
    return new HoneycombClient({
      apiUrl,
      apiKey: () => this.#key(apiUrl),
      name: storeLabel({ honeycombUrl: url }),
    });
  }

  async #key(apiUrl: string): Promise<string> {
    const key = await this.#secrets.get('honeycombKey');
    if (isLoopback(apiUrl)) return key ?? LOCAL_KEY;
    if (key === undefined) {
      throw new Problem(
        'unauthorized',
        `There is no API key for ${new URL(apiUrl).host}.`,
        'Set one with “Plumbline: Set Honeycomb API Key…”, or use the local collector.',
      );
    }
    return key;
  }

  async #startCollector(port: number): Promise<CollectorProcess> {
    const { startCollector } = await import('../telemetry/collector-process.ts');
    return await startCollector({
      script: this.#script,
      port,
      dataDirectory: this.#dataDirectory,
      onLog: (line) => this.#log.info(`collector: ${line}`),
    });
  }

  #collectorEnded(process: Promise<CollectorProcess>, words = ''): void {
    if (this.#collector?.process !== process) return;
    this.#collector = undefined;
    this.forget();
    if (words !== '') this.#log.warn(`The local collector ended: ${words}`);
  }

  async #stopCollector(): Promise<void> {
    const running = this.#collector;
    this.#collector = undefined;
    // One that never started has said so to whoever waited for it.
    await running?.process.then(
      (started) => started.stop(),
      () => undefined,
    );
  }

  async dispose(): Promise<void> {
    this.forget();
    await this.#stopCollector();
  }
}
