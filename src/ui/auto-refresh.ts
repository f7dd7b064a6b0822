import * as vscode from 'vscode';
import type { LatencyTree } from './latency-tree.ts';
import { readSettings } from './settings.ts';

const LOCAL_SECONDS = 30;
/** Honeycomb's query budget is small, and diagnosis needs it more than a view. */
const CLOUD_SECONDS = 300;

/** Keeps the Latency view fresh while somebody can see it. */
export function keepFresh(tree: LatencyTree): vscode.Disposable {
  let last = Date.now();
  const tick = setInterval(() => {
    const seconds = readSettings().honeycombUrl === null ? LOCAL_SECONDS : CLOUD_SECONDS;
    if (!tree.view.visible || !vscode.window.state.focused || Date.now() - last < seconds * 1000) return;
    last = Date.now();
    void tree.refresh();
  }, 5000);
  return { dispose: () => clearInterval(tick) };
}
