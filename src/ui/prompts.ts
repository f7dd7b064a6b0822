import * as vscode from 'vscode';
import { unlinked } from './words.ts';

/** Questions to the person at the screen. A port, because VS Code refuses modal dialogs under test. */
export interface Prompts {
  /** A modal question; true only for the named action. */
  confirm(question: {
    readonly message: string;
    readonly detail: string;
    readonly action: string;
  }): Promise<boolean>;
  /** A line of text, or undefined when the person backs out. */
  input(options: {
    readonly title: string;
    readonly prompt: string;
    readonly placeHolder?: string;
    readonly value?: string;
    readonly password?: boolean;
    readonly validate?: (value: string) => string | undefined;
  }): Promise<string | undefined>;
  pick<T extends vscode.QuickPickItem>(title: string, items: readonly T[]): Promise<T | undefined>;
  /** A notification; gives the action that was clicked. */
  notify(
    level: 'info' | 'warning' | 'error',
    message: string,
    ...actions: readonly string[]
  ): Promise<string | undefined>;
}

/** The prompts of the window itself: the one place where texts reach VS Code's messages, so links are broken here. */
export const windowPrompts: Prompts = {
  async confirm({ message, detail, action }) {
    const words = detail
      .split('\n')
      .map((line) => unlinked(line))
      .join('\n');
    const options = { modal: true, detail: words };
    return (await vscode.window.showWarningMessage(unlinked(message), options, action)) === action;
  },
  async input({ title, prompt, placeHolder, value, password, validate }) {
    return await vscode.window.showInputBox({
      title: unlinked(title),
      prompt: unlinked(prompt),
      ignoreFocusOut: true,
      ...(placeHolder === undefined ? {} : { placeHolder }),
      ...(value === undefined ? {} : { value }),
      ...(password === undefined ? {} : { password }),
      ...(validate === undefined ? {} : { validateInput: validate }),
    });
  },
  async pick(title, items) {
    return await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
  },
  async notify(level, words, ...actions) {
    const message = unlinked(words);
    switch (level) {
      case 'info':
        return await vscode.window.showInformationMessage(message, ...actions);
      case 'warning':
        return await vscode.window.showWarningMessage(message, ...actions);
      case 'error':
        return await vscode.window.showErrorMessage(message, ...actions);
    }
  },
};
