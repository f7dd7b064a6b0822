import type { DuckDBConnection } from '@duckdb/node-api';
import { type AttributeSets, type Slice, sliceSql } from './attribute-sets.ts';
import { RELATED_SECONDS } from './schema.ts';

/** Most events of one transaction: what a collector that is killed does again. */
const MAX_SLICE = 500_000;

const IS_SPAN = `"meta.signal_type" = 'trace' AND "meta.annotation_type" IS NULL`;

/** What holds for all events that were looked at. */
export interface Regularity {
  /** Each duration is a whole number of nanoseconds: `plumbline_ns` has it. */
  readonly wholeNanoseconds: boolean;
  /** Those that have a parent's id, and only those, have `parent_key`. */
  readonly keyedParents: boolean;
}

interface Settled extends Regularity {
  readonly events: number;
}

/**
 * Derives the columns of DERIVED_COLUMNS for the next events that lack them: their attribute sets, whole nanoseconds,
 * and who their parents and roots are. Children are stored before their parents, so the parents that have now come
 * are given to the older events that wait for them, too. One transaction: a collector that is killed starts over.
 * @returns undefined when there was nothing to do
 */
export async function settleNext(
  connection: DuckDBConnection,
  sets: AttributeSets,
): Promise<Settled | undefined> {
  const first = await connection.runAndReadAll('SELECT min(rowid) FROM events WHERE plumbline_set IS NULL');
  const from = first.getRowsJS()[0]?.[0];
  if (from === null || from === undefined) return undefined;
  const slice = { from: Number(from), to: Number(from) + MAX_SLICE };
  await connection.run('BEGIN');
  try {
    await sets.admit(connection);
    await sets.extend(connection, slice);
    const updated =
      await connection.runAndReadAll(`UPDATE events AS e SET plumbline_set = s.plumbline_set, plumbline_ns = ${nanosecondsSql('e.duration_ms')}
      FROM attribute_sets s WHERE ${sliceSql(slice, 'e')} AND e.plumbline_set IS NULL AND ${sets.matchSql()}`);
    await relate(connection, slice);
    const regularity = await readRegularity(connection, sliceSql(slice));
    await connection.run('COMMIT');
    return { events: Number(updated.getRowsJS()[0]?.[0]), ...regularity };
  } catch (error) {
    await connection.run('ROLLBACK');
    await sets.load(connection);
    throw error;
  }
}

/** How many events lack derived columns, and what holds for the others. */
export async function readSettled(
  connection: DuckDBConnection,
): Promise<Regularity & { readonly unsettled: number }> {
  const found = await connection.runAndReadAll('SELECT count(*) FROM events WHERE plumbline_set IS NULL');
  const regularity = await readRegularity(connection, 'plumbline_set IS NOT NULL');
  return { unsettled: Number(found.getRowsJS()[0]?.[0]), ...regularity };
}

async function readRegularity(connection: DuckDBConnection, where: string): Promise<Regularity> {
  const found = await connection.runAndReadAll(
    `SELECT count(*) FILTER (WHERE duration_ms IS NOT NULL AND plumbline_ns IS NULL),
      count(*) FILTER (WHERE ("trace.parent_id" IS NULL) <> (parent_key IS NULL)) FROM events WHERE ${where}`,
  );
  const [uneven, unkeyed] = found.getRowsJS()[0] ?? [];
  return { wholeNanoseconds: Number(uneven) === 0, keyedParents: Number(unkeyed) === 0 };
}

/**
 * Milliseconds as whole nanoseconds, NULL unless that gives the very same number back: percentiles of integers take
 * half the time. Beyond 2⁵¹ ns (26 days) the product could be off by one.
 */
function nanosecondsSql(ms: string): string {
  return `CASE WHEN abs(${ms}) < 2251799813 AND round(${ms} * 1e6) / 1e6 = ${ms} THEN CAST(round(${ms} * 1e6) AS BIGINT) END`;
}

async function relate(connection: DuckDBConnection, slice: Slice): Promise<void> {
  const found = await connection.runAndReadAll(
    `SELECT min(time), max(time) FROM events WHERE ${sliceSql(slice)} AND trace_key IS NOT NULL`,
  );
  const [earliest, latest] = found.getRowsJS()[0] ?? [];
  if (typeof earliest !== 'bigint' || typeof latest !== 'bigint') return;
  const reach = BigInt(RELATED_SECONDS) * 1_000_000_000n;
  const near = (alias: string): string =>
    `${alias}.time >= ${earliest - reach} AND ${alias}.time < ${latest + reach}`;
  // A span that was delivered twice is one parent: the earliest row stands for it.
  const parents = (which: string): string => `UPDATE events AS e
    SET plumbline_parent_set = p.set, plumbline_parent_ns = p.ns
    FROM (SELECT span_key, arg_min(plumbline_set, time) AS set, arg_min_null(plumbline_ns, time) AS ns
      FROM events s WHERE span_key IS NOT NULL AND plumbline_set IS NOT NULL AND ${IS_SPAN} AND ${which} GROUP BY span_key) p
    WHERE e.parent_key = p.span_key AND e.plumbline_parent_set IS NULL AND ${near('e')}`;
  await connection.run(
    `${parents(`${near('s')} AND span_key IN (SELECT parent_key FROM events c WHERE ${sliceSql(slice, 'c')})`)}
      AND ${sliceSql(slice, 'e')}`,
  );
  await connection.run(parents(sliceSql(slice, 's')));
  // A trace with several roots has its earliest as the root; a root that comes later may be an earlier one.
  await connection.run(`UPDATE events AS e SET plumbline_root_set = r.set
    FROM (SELECT trace_key, arg_min(plumbline_set, time) AS set FROM events s
      WHERE "trace.parent_id" IS NULL AND ${IS_SPAN} AND ${near('s')}
        AND trace_key IN (SELECT trace_key FROM events c WHERE ${sliceSql(slice, 'c')}) GROUP BY trace_key) r
    WHERE e.trace_key = r.trace_key AND e.plumbline_root_set IS DISTINCT FROM r.set AND ${near('e')}`);
}
