import * as vscode from 'vscode';
import type { ProgressView } from '../workflow/messages.ts';
import { unlinked } from './words.ts';

/** Runs a task under a cancellable notification; cancelling there, or through `signal`, aborts the task's own signal. */
export async function withCancellableProgress<T>(
  title: string,
  signal: AbortSignal,
  task: (signal: AbortSignal, report: (progress: ProgressView) => void) => Promise<T>,
): Promise<T> {
  return await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    async (progress, token) => {
      const cancelled = new AbortController();
      const subscription = token.onCancellationRequested(() => cancelled.abort());
      let reported = 0;
      try {
        return await task(AbortSignal.any([signal, cancelled.signal]), ({ label, fraction }) => {
          const percent = fraction === null ? reported : Math.max(reported, fraction * 100);
          progress.report({ message: unlinked(label, 160), increment: percent - reported });
          reported = percent;
        });
      } finally {
        subscription.dispose();
      }
    },
  );
}
