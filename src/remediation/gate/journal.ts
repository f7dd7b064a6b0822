import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { WindowProcess } from './window-process.ts';

/** What is kept of each step on the way. Names, digests and times; no contents of files, no secrets. */
export type JournalEntry = { readonly proposal: string } & (
  | { readonly event: 'submitted'; readonly title: string; readonly stack: string; readonly origin: string }
  | { readonly event: 'approved'; readonly diffSha256: string; readonly expiresAt: number }
  | { readonly event: 'rejected' }
  | { readonly event: 'expired'; readonly reason: string }
  | {
      readonly event: 'previewed';
      readonly state: string;
      readonly tree: string;
      readonly plan: string | null;
      readonly cliVersion: string;
      readonly summary: Readonly<Record<string, number>>;
    }
  | { readonly event: 'preview-failed'; readonly problem: string }
  | { readonly event: 'confirmed'; readonly typed: boolean }
  | {
      readonly event: 'applying';
      readonly stack: string;
      readonly projectDir: string;
      readonly files: readonly { readonly file: string; readonly before: string; readonly after: string }[];
      readonly backupDir: string;
      /** The window that applies it: several share one journal. */
      readonly window: WindowProcess;
    }
  | { readonly event: 'files-written' }
  | { readonly event: 'files-restored' }
  | { readonly event: 'update-started'; readonly pid: number }
  | { readonly event: 'applied' }
  | { readonly event: 'apply-failed'; readonly problem: string; readonly filesStand: boolean }
  | { readonly event: 'rolled-out'; readonly deployedAt: number; readonly words: string }
  | { readonly event: 'rollout-failed' | 'rollout-unwatched'; readonly problem: string }
  | {
      readonly event: 'verified';
      readonly verdict: string;
      readonly p95Before: number | null;
      readonly p95After: number | null;
    }
  | { readonly event: 'rolled-back'; readonly by: string }
  /** A person was told that it was cut off. */
  | { readonly event: 'acknowledged' }
);

export type JournalRecord = JournalEntry & { readonly at: number };

const Line = z.looseObject({ at: z.number(), proposal: z.string(), event: z.string() });

/** What was under way when the last process ended, in words for a person. */
export interface Unfinished {
  readonly proposal: string;
  readonly at: number;
  readonly message: string;
  readonly nextStep: string;
}

export interface Journal {
  /** Where backups may lie. */
  readonly dir: string;
  append(entry: JournalEntry, at: number): void;
  read(): readonly JournalRecord[];
}

/**
 * An append-only file of JSON lines, synced to the disk line by line: a step that can't be written down is not taken.
 * A line that a crash tore is left out when reading.
 */
export class FileJournal implements Journal {
  readonly dir: string;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    this.dir = dirname(file);
  }

  append(entry: JournalEntry, at: number): void {
    try {
      mkdirSync(this.dir, { recursive: true, mode: 0o700 });
      const torn = this.#text();
      const lead = torn === '' || torn.endsWith('\n') ? '' : '\n';
      const handle = openSync(this.#file, 'a', 0o600);
      try {
        writeSync(handle, `${lead}${JSON.stringify({ at, ...entry })}\n`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
    } catch (cause) {
      throw new Problem(
        'internal',
        `The journal ${this.#file} can't be written, so nothing is done.`,
        'Free some space, or see who may write there.',
        { cause },
      );
    }
  }

  read(): readonly JournalRecord[] {
    const records: JournalRecord[] = [];
    for (const line of this.#text().split('\n')) {
      const parsed = Line.safeParse(parseLine(line));
      // The fields beyond these three are only ever shown or compared; the writer above is the one that makes them.
      if (parsed.success) records.push(parsed.data as unknown as JournalRecord);
    }
    return records;
  }

  #text(): string {
    try {
      return readFileSync(this.#file, 'utf8');
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return '';
      throw thrown;
    }
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Where things stood for every proposal that was being applied when its process ended; `runs` tells whether it has. */
export function unfinished(
  records: readonly JournalRecord[],
  runs: (window: WindowProcess) => boolean,
): readonly Unfinished[] {
  const last = new Map<string, { applying: JournalRecord; latest: JournalRecord }>();
  for (const record of records) {
    if (record.event === 'applying') last.set(record.proposal, { applying: record, latest: record });
    const known = last.get(record.proposal);
    if (known) last.set(record.proposal, { ...known, latest: record });
  }
  return [...last.values()].flatMap(({ applying, latest }) => {
    if (applying.event !== 'applying') return [];
    const words = standing(applying, latest);
    if (words && runs(applying.window)) return [];
    return words ? [{ proposal: applying.proposal, at: latest.at, ...words }] : [];
  });
}

function standing(
  applying: JournalRecord & { event: 'applying' },
  latest: JournalRecord,
): { message: string; nextStep: string } | undefined {
  const files = applying.files.map((one) => one.file).join(', ');
  if (latest.event === 'applying') {
    return {
      message: `Applying ${applying.proposal} to ${applying.stack} was cut off while its files (${files}) were being written; no update was started.`,
      nextStep: `Compare the files with their backups in ${applying.backupDir} and put them back where they differ.`,
    };
  }
  if (latest.event === 'files-written') {
    return {
      message: `The files of ${applying.proposal} (${files}) were written, and the update of ${applying.stack} was not started.`,
      nextStep: `Put the files back from ${applying.backupDir}, or run \`pulumi preview --stack ${applying.stack}\` and decide.`,
    };
  }
  if (latest.event === 'update-started') {
    return {
      message: `An update of ${applying.stack} for ${applying.proposal} was under way (process ${latest.pid}) when this was cut off; it may have gone on by itself.`,
      nextStep: `See \`pulumi stack history --stack ${applying.stack}\`. If the stack is still locked and no update runs, run \`pulumi cancel --stack ${applying.stack}\`, then \`pulumi preview\`. The files (${files}) are written; backups are in ${applying.backupDir}.`,
    };
  }
  return undefined;
}
