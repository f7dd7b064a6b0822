import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api';
import { Problem } from '../problem.ts';
import { AttributeSets } from './attribute-sets.ts';
import { ColumnCatalogue } from './column-catalogue.ts';
import { DeliveredSpans } from './delivered-spans.ts';
import type { EventRow } from './event.ts';
import { appendRows, planSchema } from './event-batch.ts';
import { insertRows } from './insert-rows.ts';
import type { Log } from './log.ts';
import { openDatabase, prepareTables } from './open-database.ts';
import { quoteIdentifier } from './schema.ts';
import { type Regularity, readSettled, settleNext } from './settle.ts';

export interface EventStoreOptions {
  /** Folder of the database; made when missing. */
  readonly directory: string;
  readonly log: Log;
  /** How long an acknowledged event may wait in memory. Default 250. */
  readonly flushMs?: number;
  /** Default 2,000. */
  readonly maxColumns?: number;
  readonly retentionHours?: number;
}

/** A flush of this many rows starts at once, so that a burst does not pile up in memory. */
const FLUSH_ROWS = 8_192;
/** Acknowledged rows that may wait while a flush runs; beyond it the sender waits. */
const MAX_PENDING_ROWS = 65_536;
const RETENTION_EVERY_MS = 60_000;
/** Written events are settled in batches of so many, or when it has been quiet so long, or when a query comes. */
const SETTLE_ROWS = 65_536;
const SETTLE_MS = 1_000;
/** A diagnosis asks three questions at a time. */
const MAX_IDLE = 4;
/** Attribute sets that nothing refers to any more are looked for so often, after events were removed. */
const PRUNE_EVERY_MS = 3_600_000;

/** What queries may use instead of the events' own attributes. */
export interface DerivedColumns extends Regularity {
  readonly sets: { has(key: string): boolean };
}

/** A statement's rows, with values as DuckDB gives them (bigint for integers). */
export interface SqlResult {
  readonly columnNames: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** The events on disk: batched appends on one connection, queries on connections of their own. */
export class EventStore {
  readonly catalogue: ColumnCatalogue;
  /** True once an event stood for more than itself: then aggregates are weighted. */
  sampled = false;
  readonly delivered = new DeliveredSpans();
  readonly #sets: AttributeSets;
  /** Events on disk whose derived columns are still missing. */
  #unsettled = 0;
  #regularity: Regularity = { wholeNanoseconds: true, keyedParents: true };
  #settling: Promise<void> | undefined;
  #settleTimer: NodeJS.Timeout | undefined;
  #prunedAt = Date.now();
  readonly #instance: DuckDBInstance;
  readonly #writer: DuckDBConnection;
  /** Connections for the next reads: making one takes as long as a small query. */
  readonly #idle: DuckDBConnection[] = [];
  readonly #log: Log;
  readonly #flushMs: number;
  readonly #retentionHours: number | undefined;
  #pending: EventRow[] = [];
  #writes: Promise<unknown> = Promise.resolve();
  #flushTimer: NodeJS.Timeout | undefined;
  #retentionTimer: NodeJS.Timeout | undefined;
  readonly #warned = new Set<string>();
  #closed = false;

  private constructor(
    instance: DuckDBInstance,
    writer: DuckDBConnection,
    catalogue: ColumnCatalogue,
    sets: AttributeSets,
    options: EventStoreOptions,
  ) {
    this.#instance = instance;
    this.#sets = sets;
    this.#writer = writer;
    this.catalogue = catalogue;
    this.#log = options.log;
    this.#flushMs = options.flushMs ?? 250;
    this.#retentionHours = options.retentionHours;
    if (options.retentionHours !== undefined) {
      this.#retentionTimer = setInterval(() => this.#retainLogged(), RETENTION_EVERY_MS);
      this.#retentionTimer.unref();
    }
  }

  /** Opens or creates the store. A file that is locked, corrupt or somebody else's is a Problem and stays as it is. */
  static async open(options: EventStoreOptions): Promise<EventStore> {
    await mkdir(options.directory, { recursive: true });
    const file = join(options.directory, 'events.duckdb');
    const instance = await openDatabase(file);
    try {
      const writer = await instance.connect();
      await prepareTables(writer, file);
      const catalogue = new ColumnCatalogue(options.maxColumns ?? 2_000);
      await catalogue.load(writer);
      const sets = new AttributeSets(catalogue);
      await sets.load(writer);
      const store = new EventStore(instance, writer, catalogue, sets, options);
      const stored = await writer.runAndReadAll(
        'SELECT max(sample_rate), count(span_key) <> count(DISTINCT span_key) FROM events',
      );
      const [maxRate, repeated] = stored.getRowsJS()[0] ?? [];
      store.sampled = Number(maxRate ?? 1) > 1;
      store.delivered.repeated = repeated === true;
      const { unsettled, ...regularity } = await readSettled(writer);
      store.#unsettled = unsettled;
      store.#regularity = regularity;
      store.#retainLogged();
      if (unsettled > 0) void store.settle();
      return store;
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /** Takes events in; they are queryable at once and on disk within `flushMs`. Waits when too much is under way. */
  async append(rows: readonly EventRow[]): Promise<void> {
    if (this.#closed) throw new Problem('unreachable', 'The store is closed.', 'Start the collector again.');
    for (const row of rows) {
      this.#pending.push(row);
      if (row.sampleRate > 1) this.sampled = true;
    }
    if (this.#pending.length >= FLUSH_ROWS) {
      const flushed = this.flush();
      if (this.#pending.length >= MAX_PENDING_ROWS) await flushed;
      else flushed.catch(() => undefined); // logged where it failed
    } else {
      this.#flushTimer ??= setTimeout(() => {
        this.flush().catch(() => undefined); // logged where it failed
      }, this.#flushMs);
    }
  }

  /** Writes what is pending; resolves when everything taken in before the call is on disk. */
  flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    return this.#serialise(async () => {
      const rows = this.#pending;
      if (rows.length === 0) return;
      this.#pending = [];
      try {
        await this.#write(rows);
      } catch (error) {
        // Kept, they would fail again and hold up every event after them.
        this.#log('error', `${rows.length} events could not be written and are lost: ${String(error)}`);
        throw error;
      }
    });
  }

  /** The derived columns, when all events have them; else queries read everything from the events as they came. */
  get derived(): DerivedColumns | undefined {
    if (this.#unsettled > 0) return undefined;
    return { sets: this.#sets, ...this.#regularity };
  }

  /** Makes what was taken in before the call queryable, and settles it unless that is much. */
  async prepareToRead(): Promise<void> {
    await this.flush();
    if (this.#unsettled > 0 && this.#unsettled <= 2 * SETTLE_ROWS) await this.settle();
  }

  /** Derives what written events lack (see settle.ts), in turn with the flushes. A failure is logged: queries do without. */
  settle(): Promise<void> {
    clearTimeout(this.#settleTimer);
    this.#settleTimer = undefined;
    this.#settling ??= this.#settleAll()
      .catch((error: unknown) => this.#log('error', `events could not be settled: ${String(error)}`))
      .finally(() => {
        this.#settling = undefined;
      });
    return this.#settling;
  }

  /** Runs one reading statement on a connection of its own; an abort interrupts it inside DuckDB. */
  async read(sql: string, values: readonly DuckDBValue[], signal?: AbortSignal): Promise<SqlResult> {
    signal?.throwIfAborted();
    const connection = this.#idle.pop() ?? (await this.#instance.connect());
    let again: NodeJS.Timeout | undefined;
    // An interrupt that comes before DuckDB has begun is lost, so it is repeated until the statement has ended.
    const interrupt = () => {
      connection.interrupt();
      again ??= setInterval(() => connection.interrupt(), 20);
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      const reader = await connection.runAndReadAll(sql, [...values]);
      signal?.throwIfAborted();
      return { columnNames: reader.columnNames(), rows: reader.getRowsJS() };
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearInterval(again);
      signal?.removeEventListener('abort', interrupt);
      // An interrupt may still be on its way to one that was aborted.
      if (this.#idle.length < MAX_IDLE && !this.#closed && !signal?.aborted) this.#idle.push(connection);
      else connection.closeSync();
    }
  }

  /** Runs one changing statement, in turn with the flushes. */
  execute(sql: string, values: readonly DuckDBValue[]): Promise<void> {
    return this.#serialise(async () => {
      await this.#writer.run(sql, [...values]);
    });
  }

  /** Removes what is older than the retention. `now` in epoch milliseconds. */
  retain(now: number): Promise<void> {
    const hours = this.#retentionHours;
    if (hours === undefined) return Promise.resolve();
    const before = BigInt(Math.floor(now - hours * 3_600_000)) * 1_000_000n;
    return this.#serialise(async () => {
      await this.#writer.run('DELETE FROM events WHERE time < $1', [before]);
      if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
      this.#prunedAt = now;
      await this.#sets.prune(this.#writer);
    });
  }

  /** Flushes, checkpoints and closes; further calls do nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#retentionTimer);
    clearTimeout(this.#settleTimer);
    try {
      await this.flush();
      // What is not settled by then is settled at the next start.
      await this.#settling;
      await this.#serialise(() => this.#writer.run('CHECKPOINT'));
    } finally {
      for (const connection of this.#idle.splice(0)) connection.closeSync();
      this.#writer.closeSync();
      this.#instance.closeSync();
    }
  }

  async #settleAll(): Promise<void> {
    for (let more = true; more; ) {
      if (this.#closed) return;
      more = await this.#serialise(async () => {
        if (this.#unsettled === 0) return false;
        const settled = await settleNext(this.#writer, this.#sets);
        // The retention may have removed some that were counted: then none is found in the end.
        this.#unsettled = settled === undefined ? 0 : this.#unsettled - settled.events;
        if (settled !== undefined) {
          const { wholeNanoseconds, keyedParents } = this.#regularity;
          this.#regularity = {
            wholeNanoseconds: wholeNanoseconds && settled.wholeNanoseconds,
            keyedParents: keyedParents && settled.keyedParents,
          };
        }
        return this.#unsettled > 0;
      });
    }
  }

  #settleSoon(): void {
    if (this.#closed) return;
    if (this.#unsettled >= SETTLE_ROWS) void this.settle();
    else this.#settleTimer ??= setTimeout(() => void this.settle(), SETTLE_MS);
  }

  #retainLogged(): void {
    this.retain(Date.now()).catch((error: unknown) =>
      this.#log('error', `retention failed: ${String(error)}`),
    );
  }

  #serialise<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#writes.then(work);
    this.#writes = run.catch(() => undefined);
    return run;
  }

  async #write(rows: readonly EventRow[]): Promise<void> {
    const { change, refused, needsExactCheck } = planSchema(rows, this.catalogue);
    for (const key of refused) {
      this.#warnOnce(
        `column ${JSON.stringify(key.slice(0, 80))} left out: the store already has ${this.catalogue.maxColumns} columns. Attributes with generated names are the usual reason; rename them in the instrumentation.`,
      );
    }
    const exact = await this.#loseNothing(change, needsExactCheck);
    await this.catalogue.apply(this.#writer, exact, this.#sets.keys);
    const { unfit } = await appendRows(this.#writer, rows, this.catalogue, this.delivered);
    this.#unsettled += rows.length;
    this.#settleSoon();
    for (const [key, count] of unfit) {
      this.#warnOnce(
        `${count} value(s) of ${JSON.stringify(key.slice(0, 80))} left out: not of the column's type`,
      );
    }
    await this.#touchDatasets(rows);
  }

  /** An integer column with digits that a float would drop becomes text instead. */
  async #loseNothing<T extends { widened: readonly { key: string; columnName: string; type: string }[] }>(
    change: T,
    keys: readonly string[],
  ): Promise<T> {
    const inexact = new Set<string>();
    for (const column of change.widened) {
      if (!keys.includes(column.key)) continue;
      const name = quoteIdentifier(column.columnName);
      const found = await this.#writer.runAndReadAll(
        `SELECT count(*) FROM events WHERE ${name} > 9007199254740992 OR ${name} < -9007199254740992`,
      );
      if (Number(found.getRowsJS()[0]?.[0]) > 0) inexact.add(column.key);
    }
    if (inexact.size === 0) return change;
    return {
      ...change,
      widened: change.widened.map((column) =>
        inexact.has(column.key) ? { ...column, type: 'string' } : column,
      ),
    };
  }

  async #touchDatasets(rows: readonly EventRow[]): Promise<void> {
    const keysByDataset = new Map<string, Set<string>>();
    for (const row of rows) {
      let keys = keysByDataset.get(row.dataset);
      if (!keys) {
        keys = new Set();
        keysByDataset.set(row.dataset, keys);
      }
      for (const key of row.fields.keys()) if (this.catalogue.get(key)) keys.add(key);
    }
    const now = Date.now();
    // In one statement: thousands of services may send for the first time in the same batch.
    const fresh = [...keysByDataset].flatMap(([dataset, keys]) =>
      this.catalogue.touch(dataset, keys, now).map((key) => [dataset, key, BigInt(now)]),
    );
    await insertRows(this.#writer, 'dataset_columns', fresh);
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    if (this.#warned.size < 1_000) this.#warned.add(message);
    this.#log('warn', message);
  }
}
