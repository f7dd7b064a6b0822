import { mkdir } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { Problem } from '../problem.ts';
import { ColumnCatalogue } from './column-catalogue.ts';
import { DeliveredSpans } from './delivered-spans.ts';
import type { EventRow } from './event.ts';
import { appendRows, planSchema } from './event-batch.ts';
import { insertRows } from './insert-rows.ts';
import type { Log } from './log.ts';
import { createTablesSql, quoteIdentifier, SCHEMA_VERSION } from './schema.ts';

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
  readonly #instance: DuckDBInstance;
  readonly #writer: DuckDBConnection;
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
    options: EventStoreOptions,
  ) {
    this.#instance = instance;
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
      const store = new EventStore(instance, writer, catalogue, options);
      const stored = await writer.runAndReadAll(
        'SELECT max(sample_rate), count(span_key) <> count(DISTINCT span_key) FROM events',
      );
      const [maxRate, repeated] = stored.getRowsJS()[0] ?? [];
      store.sampled = Number(maxRate ?? 1) > 1;
      store.delivered.repeated = repeated === true;
      store.#retainLogged();
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

  /** Runs one reading statement on a connection of its own; an abort interrupts it inside DuckDB. */
  async read(sql: string, values: readonly DuckDBValue[], signal?: AbortSignal): Promise<SqlResult> {
    signal?.throwIfAborted();
    const connection = await this.#instance.connect();
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
      connection.closeSync();
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
    return this.execute('DELETE FROM events WHERE time < $1', [
      BigInt(Math.floor(now - hours * 3_600_000)) * 1_000_000n,
    ]);
  }

  /** Flushes, checkpoints and closes; further calls do nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#retentionTimer);
    try {
      await this.flush();
      await this.#serialise(() => this.#writer.run('CHECKPOINT'));
    } finally {
      this.#writer.closeSync();
      this.#instance.closeSync();
    }
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
    await this.catalogue.apply(this.#writer, exact);
    const { unfit } = await appendRows(this.#writer, rows, this.catalogue, this.delivered);
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
    for (const [dataset, keys] of keysByDataset) {
      const fresh = this.catalogue.touch(dataset, keys, now);
      await insertRows(
        this.#writer,
        'dataset_columns',
        fresh.map((key) => [dataset, key, BigInt(now)]),
      );
    }
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    if (this.#warned.size < 1_000) this.#warned.add(message);
    this.#log('warn', message);
  }
}

async function openDatabase(file: string): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(file, {
      // A laptop's collector shares the machine with an editor and the services it watches.
      memory_limit: `${Math.round(Math.max(256, Math.min(totalmem() / 4, freemem(), 4 * 2 ** 30) / 2 ** 20))}MB`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      enable_external_access: 'false',
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/lock/i.test(text)) {
      throw new Problem(
        'refused',
        `Another collector uses ${file}.`,
        'Use that one, stop it, or give this one a --data folder of its own.',
        { cause: error },
      );
    }
    throw new Problem(
      'bad-input',
      `${file} cannot be opened as a DuckDB database: ${text.split('\n')[0]}`,
      'It was left as it is. Move it away, or give another --data folder.',
      { cause: error },
    );
  }
}

async function prepareTables(connection: DuckDBConnection, file: string): Promise<void> {
  const tables = await connection.runAndReadAll('SELECT table_name FROM duckdb_tables()');
  const names = new Set(tables.getRowsJS().map(([name]) => String(name)));
  if (names.size === 0) {
    await connection.run(`BEGIN; ${createTablesSql()} COMMIT;`);
    return;
  }
  const version = names.has('plumbline_store')
    ? (await connection.runAndReadAll('SELECT max(version) FROM plumbline_store')).getRowsJS()[0]?.[0]
    : undefined;
  if (Number(version) !== SCHEMA_VERSION) {
    throw new Problem(
      'bad-input',
      version === undefined
        ? `${file} is a DuckDB database, but not one of this collector.`
        : `${file} was written by another version of the collector (layout ${String(version)}, this one reads ${SCHEMA_VERSION}).`,
      'It was left as it is. Give another --data folder, or move the file away.',
    );
  }
}
