import * as vscode from 'vscode';
import type { StoredKey } from './honeycomb-key.ts';

/** Secrets live in VS Code's secret storage, or in the environment that VS Code was started with. Nowhere else. */
export type SecretName = 'honeycombKey' | 'pulumiPassphrase';

const environment: Readonly<Record<SecretName, string>> = {
  honeycombKey: 'HONEYCOMB_API_KEY',
  pulumiPassphrase: 'PULUMI_CONFIG_PASSPHRASE',
};

const contextKeys: Readonly<Record<SecretName, string>> = {
  honeycombKey: 'plumbline.hasHoneycombKey',
  pulumiPassphrase: 'plumbline.hasPassphrase',
};

export class Secrets implements vscode.Disposable {
  readonly #storage: vscode.SecretStorage;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #changed = new vscode.EventEmitter<SecretName>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChange = this.#changed.event;

  constructor(
    storage: vscode.SecretStorage,
    env: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.#storage = storage;
    this.#env = env;
    this.#subscription = storage.onDidChange(({ key }) => {
      const name = (Object.keys(environment) as SecretName[]).find((n) => storageKey(n) === key);
      if (name === undefined) return;
      this.#changed.fire(name);
      void this.publish(name);
    });
  }

  /** The environment that stands in for what is not stored. */
  get environment(): Readonly<Record<string, string | undefined>> {
    return this.#env;
  }

  /** The stored secret, else the environment's, else undefined. */
  async get(name: SecretName): Promise<string | undefined> {
    const stored = name === 'honeycombKey' ? (await this.storedKey())?.key : await this.#stored(name);
    return stored ?? this.#env[environment[name]];
  }

  /** The stored Honeycomb key with the host that it is for; kept as one value, so that neither is ever without the other. */
  async storedKey(): Promise<StoredKey | undefined> {
    const text = await this.#stored('honeycombKey');
    if (text === undefined) return undefined;
    const space = text.indexOf(' ');
    return space < 0 ? { key: text, host: null } : { key: text.slice(space + 1), host: text.slice(0, space) };
  }

  /** Keeps a key (which has no spaces) for one host; null leaves open which, to be asked at its first use. */
  async setHoneycombKey({ key, host }: StoredKey): Promise<void> {
    await this.set('honeycombKey', host === null ? key : `${host} ${key}`);
  }

  async #stored(name: SecretName): Promise<string | undefined> {
    return await this.#storage.get(storageKey(name));
  }

  async set(name: SecretName, value: string): Promise<void> {
    await this.#storage.store(storageKey(name), value);
  }

  async clear(name: SecretName): Promise<void> {
    await this.#storage.delete(storageKey(name));
  }

  /** Tells menus whether there is something stored that could be cleared. */
  async publish(name: SecretName): Promise<void> {
    const stored = (await this.#storage.get(storageKey(name))) !== undefined;
    await vscode.commands.executeCommand('setContext', contextKeys[name], stored);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

function storageKey(name: SecretName): string {
  return `plumbline.${name}`;
}
