import * as vscode from 'vscode';
import { isLoopback } from './addresses.ts';

/** What the person chose, with what the environment gives where a setting is empty. */
export interface Settings {
  /** Base address of the Honeycomb API; null means the local collector. */
  readonly honeycombUrl: string | null;
  readonly dataset: string;
  readonly collectorPort: number;
  readonly awsRegion: string | undefined;
  readonly awsProfile: string | undefined;
  readonly pulumiPath: string | undefined;
  readonly pulumiBackendUrl: string | undefined;
  readonly pulumiStack: string | undefined;
  readonly lookbackMinutes: number;
  readonly verifyWindowSeconds: number;
  readonly approvalExpiryMinutes: number;
}

/** Reads the settings anew; `env` is the extension host's environment. */
export function readSettings(env: Readonly<Record<string, string | undefined>> = process.env): Settings {
  const config = vscode.workspace.getConfiguration('plumbline');
  const text = (key: string): string | undefined => config.get<string>(key, '').trim() || undefined;
  const apiUrl = text('honeycomb.apiUrl') ?? env['HONEYCOMB_API_ENDPOINT'];
  return {
    honeycombUrl: apiUrl === undefined || apiUrl === '' || apiUrl === 'local' ? null : apiUrl,
    dataset: text('honeycomb.dataset') ?? '__all__',
    collectorPort: config.get<number>('collector.port', 4318),
    awsRegion: text('aws.region') ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'],
    awsProfile: text('aws.profile'),
    pulumiPath: text('pulumi.path'),
    pulumiBackendUrl: text('pulumi.backendUrl'),
    pulumiStack: text('pulumi.stack'),
    lookbackMinutes: config.get<number>('diagnosis.lookbackMinutes', 60),
    verifyWindowSeconds: config.get<number>('verify.windowSeconds', 600),
    approvalExpiryMinutes: config.get<number>('approval.expiryMinutes', 15),
  };
}

/** The store in a few words: "local collector", "api.honeycomb.io", "store at 127.0.0.1:4318". */
export function storeLabel(settings: Pick<Settings, 'honeycombUrl'>): string {
  if (settings.honeycombUrl === null) return 'local collector';
  if (!URL.canParse(settings.honeycombUrl)) return 'store with an address that cannot be read';
  const { host } = new URL(settings.honeycombUrl);
  return isLoopback(settings.honeycombUrl) ? `store at ${host}` : host;
}

/** Where was looked: store, dataset and window, for empty states and titles. */
export function scopeLabel(settings: Settings): string {
  const dataset = settings.dataset === '__all__' ? 'all datasets' : settings.dataset;
  // What differs most comes first: a narrow side bar cuts the end off.
  return `last ${minutes(settings.lookbackMinutes)} · ${dataset} · ${storeLabel(settings)}`;
}

function minutes(value: number): string {
  if (value % 1440 === 0) return `${value / 1440} d`;
  if (value % 60 === 0) return `${value / 60} h`;
  return `${value} min`;
}

/** Fires when one of the given sections changed, or any of Plumbline's. */
export function onSettingsChanged(listener: () => void, ...sections: string[]): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    const watched = sections.length === 0 ? ['plumbline'] : sections.map((s) => `plumbline.${s}`);
    if (watched.some((section) => event.affectsConfiguration(section))) listener();
  });
}
