import type { LogOutputChannel } from 'vscode';
import { Problem } from '../problem.ts';
import type { CollectorProcess } from '../telemetry/collector-process.ts';
import type { TelemetryStore } from '../telemetry/query.ts';
import { chooseKey } from './honeycomb-key.ts';
import type { Prompts } from './prompts.ts';
import type { Secrets } from './secrets.ts';
import { readSettings, storeLabel } from './settings.ts';
import { watchedStore } from './watched-store.ts';

interface RunningCollector {
  readonly port: number;
  readonly process: Promise<CollectorProcess>;
  /** Another window's: its end is told to nobody here. */
  foreign: boolean;
}

/** The store that the settings name: Honeycomb, or the local collector, which is started when it is first asked for. */
export class TelemetryConnection {
  readonly #secrets: Secrets;
  readonly #prompts: Prompts;
  readonly #script: string;
  readonly #dataDirectory: string;
  readonly #log: LogOutputChannel;
  #store: { readonly key: string; readonly store: Promise<TelemetryStore> } | undefined;
  #collector: RunningCollector | undefined;
  /** What the person answered, by host, to whether the stored key may go there. */
  readonly #allowed = new Map<string, Promise<boolean>>();

  constructor(parts: {
    readonly secrets: Secrets;
    readonly prompts: Prompts;
    /** Path of the collector's bundle. */
    readonly script: string;
    readonly dataDirectory: string;
    readonly log: LogOutputChannel;
  }) {
    this.#secrets = parts.secrets;
    this.#prompts = parts.prompts;
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
      store.catch(() => this.#drop());
    }
    return this.#store.store;
  }

  /** The next call connects anew: the key changed, or the person asks to try again. */
  forget(): void {
    this.#allowed.clear();
    this.#drop();
  }

  /** A collector of another window may have ended unheard, so it is looked for again, and started where there is none. */
  #drop(): void {
    this.#store = undefined;
    if (this.#collector?.foreign === true) this.#collector = undefined;
  }

  /** Address of the local collector, started if it does not run. */
  async collectorUrl(signal?: AbortSignal): Promise<string> {
    const { collectorPort: port } = readSettings();
    if (this.#collector?.port !== port) {
      // Noted before anything is waited for, so that callers at the same time share one start.
      const process = this.#stopCollector().then(() => this.#startCollector(port));
      const collector: RunningCollector = { port, process, foreign: false };
      this.#collector = collector;
      process.then(
        (started) => {
          collector.foreign = !started.owned;
          void started.ended.then((words) => this.#collectorEnded(process, words));
        },
        () => this.#collectorEnded(process),
      );
    }
    signal?.throwIfAborted();
    return (await this.#collector.process).url;
  }

  async #connect(url: string | null): Promise<TelemetryStore> {
    const { HoneycombClient } = await import('../telemetry/honeycomb.ts');
    const apiUrl = url ?? (await this.collectorUrl());
    const client = new HoneycombClient({
      apiUrl,
      apiKey: () => this.#key(apiUrl),
      name: storeLabel({ honeycombUrl: url }),
    });
    return watchedStore(client, () => this.#drop());
  }

  async #key(apiUrl: string): Promise<string> {
    const stored = await this.#secrets.storedKey();
    const choice = chooseKey(apiUrl, stored, this.#secrets.environment);
    if ('use' in choice) return choice.use;
    const host = choice.askFor;
    // Noted before it is answered: requests at the same time share one question.
    const allowed = this.#allowed.get(host) ?? this.#askToSend(host);
    this.#allowed.set(host, allowed);
    if (stored !== undefined && (await allowed)) {
      await this.#secrets.setHoneycombKey({ key: stored.key, host });
      return stored.key;
    }
    throw new Problem(
      'unauthorized',
      `The stored API key is not for ${host}, and is not sent there.`,
      'Set one for it with “Plumbline: Set Honeycomb API Key…”, or use the local collector.',
    );
  }

  #askToSend(host: string): Promise<boolean> {
    return this.#prompts.confirm({
      message: `Send the stored Honeycomb API key to ${host}?`,
      detail: `The settings name ${host} as the telemetry store, and the key was not stored for it. If you did not choose this address, don't.`,
      action: 'Send Key',
    });
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
    this.#drop();
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
