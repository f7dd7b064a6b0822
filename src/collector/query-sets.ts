import { NO_SET } from './schema.ts';

/** Whose attribute set: the event's own, its parent's, its trace's root's. */
export type Relation = 'own' | 'parent' | 'root';

const RELATIONS: readonly Relation[] = ['own', 'parent', 'root'];
const SET_OF_EVENT: Readonly<Record<Relation, string>> = {
  own: 'e.plumbline_set',
  parent: `coalesce(e.plumbline_parent_set, ${NO_SET})`,
  root: `coalesce(e.plumbline_root_set, ${NO_SET})`,
};

interface UsedSets {
  /** SQL over attribute set `s` → its alias. */
  readonly values: Map<string, string>;
  readonly groups: Set<string>;
  readonly filters: string[];
}

/**
 * What a query computes from attribute sets: each expression once a set rather than once an event. Sets with equal
 * breakdowns form a group, which the least of their numbers stands for, so that events are grouped by integers.
 */
export class QuerySets {
  readonly #used = new Map<Relation, UsedSets>();

  /** The value of an expression over set `s`, for each event. */
  value(relation: Relation, sql: string): string {
    const { values } = this.#of(relation);
    const alias = values.get(sql) ?? `x${values.size}`;
    values.set(sql, alias);
    return `${relation}_set.${alias}`;
  }

  /** A number that is the same for equal values and NULL for none: cheaper to count distinctly than texts. */
  valueNumber(relation: Relation, sql: string): string {
    return this.value(
      relation,
      `CASE WHEN ${sql} IS NOT NULL THEN min(s.plumbline_set) OVER (PARTITION BY ${sql}) END`,
    );
  }

  /** Groups the events by an expression over set `s`; returns its value in what `attachedSql` selects. */
  group(relation: Relation, sql: string): string {
    const value = this.value(relation, sql);
    this.#of(relation).groups.add(value.slice(value.indexOf('.') + 1));
    return value;
  }

  /** Leaves out events whose set does not meet the condition. */
  filter(relation: Relation, condition: string): void {
    this.#of(relation).filters.push(condition);
  }

  /** Columns that group the events in place of the breakdowns. */
  get keys(): readonly string[] {
    return this.#grouped().map((relation) => `k_${relation}`);
  }

  get keysSql(): readonly string[] {
    return this.#grouped().map((relation) => `${relation}_set.g AS k_${relation}`);
  }

  /** Definitions for the statement's WITH. */
  ctesSql(): readonly string[] {
    return [...this.#used].map(([relation, { values, groups, filters }]) => {
      const columns = [...values].map(([sql, alias]) => `${sql} AS ${alias}`);
      const where = filters.length > 0 ? `WHERE ${filters.map((one) => `(${one})`).join(' AND ')}` : '';
      const sets = `SELECT ${['s.plumbline_set AS id', ...columns].join(', ')} FROM attribute_sets s ${where}`;
      const group =
        groups.size > 0 ? `, min(id) OVER (PARTITION BY ${[...groups].join(', ')})::INTEGER AS g` : '';
      return `${relation}_sets AS MATERIALIZED (SELECT *${group} FROM (${sets}))`;
    });
  }

  /** Joins the events `e` to their sets. */
  joinsSql(): string {
    return RELATIONS.filter((relation) => this.#used.has(relation))
      .map(
        (relation) =>
          `JOIN ${relation}_sets ${relation}_set ON ${relation}_set.id = ${SET_OF_EVENT[relation]}`,
      )
      .join(' ');
  }

  /** Joins grouped rows `g` to the sets that stand for their groups. */
  attachSql(): string {
    return this.#grouped()
      .map((relation) => `JOIN ${relation}_sets ${relation}_set ON ${relation}_set.id = g.k_${relation}`)
      .join(' ');
  }

  #grouped(): readonly Relation[] {
    return RELATIONS.filter((relation) => (this.#used.get(relation)?.groups.size ?? 0) > 0);
  }

  #of(relation: Relation): UsedSets {
    const used = this.#used.get(relation) ?? { values: new Map(), groups: new Set(), filters: [] };
    this.#used.set(relation, used);
    return used;
  }
}
