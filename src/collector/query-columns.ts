import { nearestNames } from '../telemetry/columns.ts';
import { ApiError, invalidField } from './api-error.ts';
import type { ColumnCatalogue, StoredColumn } from './column-catalogue.ts';
import type { DerivedColumns } from './event-store.ts';
import { type Expression, ExpressionError, parseExpression } from './expression.ts';
import { compileExpression } from './expression-sql.ts';
import type { QuerySets, Relation } from './query-sets.ts';
import { HOT_COLUMNS, quoteIdentifier } from './schema.ts';
import type { SqlParameters } from './sql-parameters.ts';
import type { TypedSql } from './typed-sql.ts';

/** Alias of the events table in every statement; `s` is that of attribute sets, see query-sets.ts. */
const EVENT = 'e';
type Related = Exclude<Relation, 'own'>;

/** What a name in a query became: SQL over the event, or over one of its attribute sets. */
export interface Term extends TypedSql {
  readonly of: Relation | 'event';
}

const DURATION = 'duration_ms';
const RELATED = /^(root|parent|child|any\d*|none)\.(.+)$/s;

const IS_ROOT_SQL = `(${EVENT}."meta.signal_type" = 'trace' AND ${EVENT}."meta.annotation_type" IS NULL AND ${EVENT}."trace.parent_id" IS NULL)`;

/** Turns the names a query uses into SQL, and notes which related spans must be joined for them. */
export class QueryColumns {
  readonly #catalogue: ColumnCatalogue;
  readonly #dataset: string | undefined;
  readonly #parameters: SqlParameters;
  readonly #calculated: ReadonlyMap<string, string>;
  readonly #parsed = new Map<string, Expression>();
  readonly #compiling = new Set<string>();
  readonly #joined: Record<Related, Map<string, string>> = { parent: new Map(), root: new Map() };
  readonly #derived: DerivedColumns | undefined;
  readonly #sets: QuerySets;
  /** What the names resolved so far refer to. */
  #touched = new Set<Relation | 'event'>();
  /** Whether a name may be resolved to a column of an attribute set. */
  #inSets = false;

  /** @param dataset undefined for all datasets */
  constructor(
    catalogue: ColumnCatalogue,
    derived: DerivedColumns | undefined,
    dataset: string | undefined,
    parameters: SqlParameters,
    sets: QuerySets,
    calculatedFields: readonly { readonly name: string; readonly expression: string }[],
  ) {
    this.#derived = derived;
    this.#sets = sets;
    this.#catalogue = catalogue;
    this.#dataset = dataset;
    this.#parameters = parameters;
    this.#calculated = new Map(calculatedFields.map((field) => [field.name, field.expression]));
    calculatedFields.forEach((field, index) => {
      try {
        this.#parsed.set(field.name, parseExpression(field.expression));
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        throw invalidField(
          `calculated_fields[${index}].expression`,
          `${error.message} (at character ${error.offset + 1})`,
        );
      }
    });
  }

  /**
   * Over one attribute set where all that the name stands for is in it, else over the event.
   * Throws a 422 that names the field and the nearest columns when there is none of that name.
   */
  resolve(name: string, field: string): Term {
    if (this.#derived !== undefined) {
      this.#inSets = true;
      this.#touched.clear();
      const typed = this.#resolve(name, field);
      const [of, ...others] = this.#touched;
      if (of !== undefined && others.length === 0) return { ...typed, of };
    }
    this.#inSets = false;
    return { ...this.#resolve(name, field), of: 'event' };
  }

  #resolve(name: string, field: string): TypedSql {
    const expression = this.#parsed.get(name);
    if (expression) return this.#compile(name, expression);
    if (!RELATED.test(name) && !this.#isMember(name)) this.#touched.add('event');
    if (name === 'is_root' && !this.#catalogue.get(name)) return { sql: IS_ROOT_SQL, type: 'boolean' };
    if (name === 'timestamp' && !this.#catalogue.get(name)) {
      throw invalidField(
        field,
        'timestamp is no column; give start_time and end_time, or ask for the series',
      );
    }
    if (name === 'SampleRate') return { sql: `${EVENT}.sample_rate`, type: 'integer' };
    const related = RELATED.exec(name);
    if (related?.[1] && related[2]) return this.#related(related[1], related[2], field);
    const column = this.#known(name, field);
    if (this.#isMember(name)) return this.#ofSet('own', column);
    const sql = `${EVENT}.${quoteIdentifier(column.columnName)}`;
    if (name === DURATION && this.#derived?.wholeNanoseconds) {
      const presence = `${EVENT}.plumbline_ns`;
      return { sql, type: column.type, presence, nanoseconds: { sql: presence, unit: 1e6 } };
    }
    const hasKey = name === 'trace.parent_id' && this.#derived?.keyedParents;
    return { sql, type: column.type, ...(hasKey && { presence: `${EVENT}.parent_key` }) };
  }

  /** True when a plain name is resolved to the event's attribute set. */
  #isMember(name: string): boolean {
    return this.#inSets && this.#derived?.sets.has(name) === true;
  }

  #ofSet(relation: Relation, column: StoredColumn): TypedSql {
    this.#touched.add(relation);
    return { sql: `s.${quoteIdentifier(column.columnName)}`, type: column.type };
  }

  /**
   * The joins that the names resolved so far need. `bindTime` binds the time in which related spans may start.
   * @param repeatedSpans a span may be stored twice; its children must not be counted twice for it
   */
  joinsSql(bindTime: () => { readonly from: string; readonly to: string }, repeatedSpans: boolean): string {
    if (this.#joined.parent.size + this.#joined.root.size === 0) return '';
    const { from, to } = bindTime();
    const spans = `"meta.signal_type" = 'trace' AND "meta.annotation_type" IS NULL AND time >= ${from} AND time < ${to}`;
    const joins: string[] = [];
    if (this.#joined.parent.size > 0) {
      const columns = [...this.#joined.parent].map(
        ([column, alias]) => `${repeatedSpans ? `any_value(${column})` : column} AS ${alias}`,
      );
      const unique = repeatedSpans ? 'GROUP BY span_key' : '';
      joins.push(
        `LEFT JOIN (SELECT span_key, ${columns.join(', ')} FROM events WHERE ${spans} AND span_key IS NOT NULL ${unique}) parent ON parent.span_key = ${EVENT}.parent_key`,
      );
    }
    if (this.#joined.root.size > 0) {
      // A trace with several roots has its earliest as the root.
      const columns = [...this.#joined.root].map(
        ([column, alias]) => `arg_min_null(${column}, time) AS ${alias}`,
      );
      joins.push(
        `LEFT JOIN (SELECT trace_key, ${columns.join(', ')} FROM events WHERE ${spans} AND "trace.parent_id" IS NULL GROUP BY trace_key) root ON root.trace_key = ${EVENT}.trace_key`,
      );
    }
    return joins.join(' ');
  }

  #compile(name: string, expression: Expression): TypedSql {
    const field = `calculated_fields.${name}`;
    if (this.#compiling.has(name)) throw invalidField(field, 'refers to itself');
    this.#compiling.add(name);
    try {
      return compileExpression(expression, {
        parameters: this.#parameters,
        column: (column) => this.#resolve(column, field),
        eventTimestamp: () => {
          this.#touched.add('event');
          const time = `${EVENT}.time`;
          return { sql: `(${time} / 1e9)`, type: 'float', nanoseconds: { sql: time, unit: 1e9 } };
        },
      });
    } catch (error) {
      if (error instanceof ApiError && error.faults.length === 0) throw invalidField(field, error.message);
      throw error;
    } finally {
      this.#compiling.delete(name);
    }
  }

  #related(relation: string, name: string, field: string): TypedSql {
    if (relation !== 'root' && relation !== 'parent') {
      throw invalidField(field, `the prefix ${relation}. is not supported here; root. and parent. are`);
    }
    if (this.#calculated.has(name)) {
      throw invalidField(field, `${relation}. works on columns, and ${name} is a calculated field`);
    }
    const column = this.#known(name, field, true);
    if (this.#derived?.sets.has(name)) {
      const ofSet = this.#ofSet(relation, column);
      return this.#inSets ? ofSet : { ...ofSet, sql: this.#sets.value(relation, ofSet.sql) };
    }
    this.#touched.add('event');
    if (relation === 'parent' && name === DURATION && this.#derived?.wholeNanoseconds) {
      const presence = `${EVENT}.plumbline_parent_ns`;
      const sql = `(${presence} / 1e6)`;
      return { sql, type: column.type, presence, nanoseconds: { sql: presence, unit: 1e6 } };
    }
    const quoted = quoteIdentifier(column.columnName);
    const aliases = this.#joined[relation];
    let alias = aliases.get(quoted);
    if (alias === undefined) {
      alias = `${relation}_${aliases.size}`;
      aliases.set(quoted, alias);
    }
    return { sql: `${relation}.${alias}`, type: column.type };
  }

  #known(name: string, field: string, anyDataset = false) {
    const column = this.#catalogue.get(name);
    const inDataset =
      anyDataset ||
      this.#dataset === undefined ||
      HOT_COLUMNS.has(name) ||
      this.#catalogue.datasets.get(this.#dataset)?.has(name) === true;
    if (column && inDataset) return column;
    const known =
      this.#dataset === undefined || anyDataset
        ? [...this.#catalogue.all()].map((one) => one.key)
        : [...HOT_COLUMNS.keys(), ...(this.#catalogue.datasets.get(this.#dataset)?.keys() ?? [])];
    const nearest = nearestNames(name, new Set([...known, ...this.#calculated.keys()]));
    const where = column ? 'exists in other datasets, but not in this one' : 'is an unknown column';
    throw invalidField(
      field,
      `${JSON.stringify(name.slice(0, 200))} ${where}${nearest.length > 0 ? `; nearest are ${nearest.map((one) => JSON.stringify(one)).join(', ')}` : ''}`,
    );
  }
}
