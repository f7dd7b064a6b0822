import type { DuckDBValue } from '@duckdb/node-api';

/** Values of one statement, bound as `$1`, `$2`…; nothing that came from outside is ever spliced into SQL. */
export class SqlParameters {
  readonly values: DuckDBValue[] = [];
  readonly #placeholders: string[] = [];

  /** Adds a value and returns its placeholder. NUL, which DuckDB's texts can't hold, is dropped. */
  bind(value: string | number | bigint | boolean): string {
    this.values.push(typeof value === 'string' ? value.replaceAll('\0', '') : value);
    // The cast fixes the type: DuckDB would otherwise infer it from the place where the placeholder stands.
    const type = { string: 'VARCHAR', number: 'DOUBLE', bigint: 'BIGINT', boolean: 'BOOLEAN' }[
      typeof value as 'string' | 'number' | 'bigint' | 'boolean'
    ];
    const placeholder = `$${this.values.length}::${type}`;
    this.#placeholders.push(placeholder);
    return placeholder;
  }

  /** Selects all of them: DuckDB refuses a value that its statement does not name, and folding may drop one. */
  allSql(): string {
    return `SELECT ${['1', ...this.#placeholders].join(', ')}`;
  }
}
