import type { PanelCommand, PanelMessage } from '../workflow/messages.ts';

/** The side of the panel that lives in the extension. */

interface VsCodeApi {
  postMessage(message: PanelCommand): void;
  getState(): unknown;
  setState(state: UiState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** What is remembered of the panel itself while it is hidden: never content, only how it was looked at. */
export interface UiState {
  readonly openEvidence: readonly string[];
  readonly hiddenSeries: readonly string[];
  readonly chartAsTable: boolean;
  readonly scrollY: number;
}

const initial: UiState = { openEvidence: [], hiddenSeries: [], chartAsTable: false, scrollY: 0 };

const api = acquireVsCodeApi();
let ui: UiState = { ...initial, ...stored(api.getState()) };

export function send(command: PanelCommand): void {
  api.postMessage(command);
}

export function uiState(): UiState {
  return ui;
}

export function keep(change: Partial<UiState>): void {
  ui = { ...ui, ...change };
  api.setState(ui);
}

/** Calls back for each message from the extension, and asks for the first one. */
export function listen(receive: (message: PanelMessage) => void): void {
  window.addEventListener('message', (event: MessageEvent<PanelMessage>) => {
    if (event.data?.type === 'state') receive(event.data);
  });
  send({ type: 'ready' });
}

function stored(value: unknown): Partial<UiState> {
  return typeof value === 'object' && value !== null ? value : {};
}
