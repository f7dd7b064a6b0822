import { freemem, totalmem } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Problem } from '../problem.ts';
import { createTablesSql, migrateFrom1Sql, SCHEMA_VERSION } from './schema.ts';

/** Opens or creates the file. One that is locked or no database is a Problem and stays as it is. */
export async function openDatabase(file: string): Promise<DuckDBInstance> {
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

/** Makes the tables, or brings those of an older layout to today's; a Problem for what no collector wrote. */
export async function prepareTables(connection: DuckDBConnection, file: string): Promise<void> {
  const tables = await connection.runAndReadAll('SELECT table_name FROM duckdb_tables()');
  const names = new Set(tables.getRowsJS().map(([name]) => String(name)));
  if (names.size === 0) {
    await connection.run(`BEGIN; ${createTablesSql()} COMMIT;`);
    return;
  }
  const version = names.has('plumbline_store')
    ? (await connection.runAndReadAll('SELECT max(version) FROM plumbline_store')).getRowsJS()[0]?.[0]
    : undefined;
  if (Number(version) === 1) {
    await connection.run(`BEGIN; ${migrateFrom1Sql()} COMMIT;`);
    return;
  }
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
