import { ApiError } from './api-error.ts';
import type { Expression } from './expression.ts';
import type { SqlParameters } from './sql-parameters.ts';
import {
  asCondition,
  asNumber,
  asText,
  caseSql,
  isNumeric,
  type Labels,
  label,
  NULL_SQL,
  type TypedSql,
  unify,
} from './typed-sql.ts';

/** What an expression may refer to. */
export interface ExpressionScope {
  readonly parameters: SqlParameters;
  column(name: string): TypedSql;
  /** Epoch seconds of the event, a float. */
  eventTimestamp(): TypedSql;
}

interface FunctionRule {
  readonly min: number;
  readonly max: number;
  compile(args: readonly TypedSql[], scope: ExpressionScope, tree: readonly Expression[]): TypedSql;
}

/** Compiles a parsed expression to typed SQL. Throws ApiError 422 for unknown functions and wrong argument counts. */
export function compileExpression(expression: Expression, scope: ExpressionScope): TypedSql {
  switch (expression.kind) {
    case 'null':
      return NULL_SQL;
    case 'column':
      return scope.column(expression.name);
    case 'call': {
      const rule = FUNCTIONS[expression.name];
      if (!rule) throw unknownFunction(expression.name);
      const count = expression.args.length;
      if (count < rule.min || count > rule.max) {
        const wanted =
          rule.max === Number.POSITIVE_INFINITY ? `${rule.min} or more` : `${rule.min} to ${rule.max}`;
        throw new ApiError(422, `${expression.name} takes ${wanted} arguments, not ${count}`);
      }
      const args = expression.args.map((arg) => compileExpression(arg, scope));
      return rule.compile(args, scope, expression.args);
    }
    default: {
      const { kind, value } = expression;
      return {
        sql: scope.parameters.bind(value),
        type: kind,
        ...(kind === 'string' && { labels: label(value) }),
        ...((kind === 'integer' || kind === 'float') && { number: Number(value) }),
      };
    }
  }
}

const MANY = Number.POSITIVE_INFINITY;

const FUNCTIONS: Readonly<Record<string, FunctionRule>> = Object.assign(Object.create(null), {
  IF: rule(2, MANY, (args) => {
    const conditions: string[] = [];
    const values: TypedSql[] = [];
    for (let index = 0; index + 1 < args.length; index += 2) {
      conditions.push(asCondition(at(args, index)));
      values.push(at(args, index + 1));
    }
    const otherwise = args.length % 2 === 1 ? at(args, args.length - 1) : NULL_SQL;
    return choice(conditions, values, otherwise);
  }),
  SWITCH: rule(3, MANY, (args) => {
    const subject = at(args, 0);
    const conditions: string[] = [];
    const values: TypedSql[] = [];
    for (let index = 1; index + 1 < args.length; index += 2) {
      conditions.push(equals(subject, at(args, index)));
      values.push(at(args, index + 1));
    }
    return choice(conditions, values, args.length % 2 === 0 ? at(args, args.length - 1) : NULL_SQL);
  }),
  COALESCE: rule(1, MANY, (args) => {
    const { type, sql } = unify(args);
    return { type, sql: `coalesce(${sql.join(', ')})` };
  }),
  EQUALS: rule(2, 2, (args) => boolean(equals(at(args, 0), at(args, 1)))),
  NOT_EQUALS: rule(2, 2, (args) => boolean(`NOT ${equals(at(args, 0), at(args, 1))}`)),
  LT: comparison('<'),
  LTE: comparison('<='),
  GT: comparison('>'),
  GTE: comparison('>='),
  IN: rule(2, MANY, (args) => boolean(any(args.slice(1).map((option) => equals(at(args, 0), option))))),
  EXISTS: rule(1, 1, (args) => boolean(`${at(args, 0).sql} IS NOT NULL`)),
  NOT: rule(1, 1, (args) => boolean(`NOT ${asCondition(at(args, 0))}`)),
  AND: rule(1, MANY, (args) => boolean(`(${args.map(asCondition).join(' AND ')})`)),
  OR: rule(1, MANY, (args) => boolean(any(args.map(asCondition)))),
  CONTAINS: textTest('contains'),
  STARTS_WITH: textTest('starts_with'),
  ENDS_WITH: textTest('ends_with'),
  REG_MATCH: rule(2, 2, (args, _scope, tree) => {
    literalText(tree[1], 'REG_MATCH');
    return boolean(`coalesce(regexp_matches(${asText(at(args, 0))}, ${at(args, 1).sql}), false)`);
  }),
  REG_VALUE: rule(2, 2, (args, _scope, tree) => {
    const pattern = literalText(tree[1], 'REG_VALUE');
    const group = /(?<!\\)\((?!\?)/.test(pattern) ? 1 : 0;
    return text(`nullif(regexp_extract(${asText(at(args, 0))}, ${at(args, 1).sql}, ${group}), '')`);
  }),
  CONCAT: rule(1, MANY, (args) => text(`concat(${args.map(asText).join(', ')})`)),
  LENGTH: rule(1, 1, (args) => ({ sql: `length(${asText(at(args, 0))})`, type: 'integer' })),
  TO_LOWER: rule(1, 1, (args) => text(`lower(${asText(at(args, 0))})`)),
  BUCKET: rule(2, 4, bucket),
  EVENT_TIMESTAMP: rule(0, 0, (_args, scope) => scope.eventTimestamp()),
  INT: rule(1, 1, (args) => {
    const arg = at(args, 0);
    if (arg.type === 'integer') return arg;
    return { sql: `TRY_CAST(trunc(${asNumber(arg)}) AS BIGINT)`, type: 'integer' };
  }),
  FLOAT: rule(1, 1, (args) => float(asNumber(at(args, 0)))),
  BOOL: rule(1, 1, (args) => boolean(asCondition(at(args, 0)))),
  STRING: rule(1, 1, (args) => text(asText(at(args, 0)))),
  SUM: rule(1, MANY, (args) => float(`(${args.map(zeroIfNotNumber).join(' + ')})`)),
  SUB: rule(2, 2, (args) => float(`(${args.map(zeroIfNotNumber).join(' - ')})`)),
  MUL: rule(1, MANY, (args) => float(`(${args.map(zeroIfNotNumber).join(' * ')})`)),
  DIV: rule(2, 2, (args) =>
    float(`(${zeroIfNotNumber(at(args, 0))} / nullif(${zeroIfNotNumber(at(args, 1))}, 0))`),
  ),
  MOD: rule(2, 2, (args) =>
    float(`(${zeroIfNotNumber(at(args, 0))} % nullif(${zeroIfNotNumber(at(args, 1))}, 0))`),
  ),
  LOG10: rule(1, 1, (args) => {
    const number = asNumber(at(args, 0));
    return float(`CASE WHEN ${number} > 0 THEN log10(${number}) END`);
  }),
  MIN: extreme('least'),
  MAX: extreme('greatest'),
} satisfies Record<string, FunctionRule>);

function rule(min: number, max: number, compile: FunctionRule['compile']): FunctionRule {
  return { min, max, compile };
}

function at(args: readonly TypedSql[], index: number): TypedSql {
  return args[index] ?? NULL_SQL;
}

/** Every function below that tests something says false rather than NULL. */
const boolean = (sql: string): TypedSql => ({ sql: `(${sql})`, type: 'boolean', certain: true });
const text = (sql: string): TypedSql => ({ sql, type: 'string' });
const float = (sql: string): TypedSql => ({ sql, type: 'float' });
const any = (conditions: readonly string[]): string => `(${conditions.join(' OR ')})`;
/** Honeycomb's arithmetic takes what is no number as zero. */
const zeroIfNotNumber = (arg: TypedSql): string => `coalesce(${asNumber(arg)}, 0)`;

function choice(conditions: readonly string[], values: readonly TypedSql[], otherwise: TypedSql): TypedSql {
  const { type, sql } = unify([...values, otherwise]);
  const branches = conditions.map((condition, index) => `WHEN ${condition} THEN ${sql[index] ?? 'NULL'}`);
  const labels = choiceOfLabels(conditions, values, otherwise);
  return {
    type,
    sql: `CASE ${branches.join(' ')} ELSE ${sql.at(-1) ?? 'NULL'} END`,
    ...(labels && { labels }),
  };
}

function choiceOfLabels(
  conditions: readonly string[],
  values: readonly TypedSql[],
  otherwise: TypedSql,
): Labels | undefined {
  const known = [...values, otherwise].flatMap(({ labels }) => (labels ? [labels] : []));
  const last = known.at(-1);
  if (last === undefined || known.length <= values.length) return undefined;
  return {
    values: new Set(known.flatMap((labels) => [...labels.values])),
    // A choice in the place of "otherwise" continues this one; elsewhere it is a CASE of its own.
    branches: (numberOf) => [
      ...conditions.map((when, index) => ({ when, number: caseSql(known[index]?.branches(numberOf) ?? []) })),
      ...last.branches(numberOf),
    ],
  };
}

/** Values of different kinds are never equal (200 is not "200"); an empty value equals nothing. */
function equals(a: TypedSql, b: TypedSql): string {
  const alike = (isNumeric(a) && isNumeric(b)) || (a.type === b.type && a.type !== 'null');
  return alike ? `coalesce(${a.sql} = ${b.sql}, false)` : 'false';
}

function comparison(operator: '<' | '<=' | '>' | '>='): FunctionRule {
  return rule(2, 2, (args, { parameters }) => {
    const [a, b] = [at(args, 0), at(args, 1)];
    // Events are told apart by integers, as the bounds of the query's time are: no division an event.
    if (a.nanoseconds?.unit === 1e9 && b.number !== undefined && Math.abs(b.number) < 9e9) {
      const bound = parameters.bind(BigInt(Math.round(b.number * 1e6)) * 1_000n);
      return boolean(`${a.nanoseconds.sql} ${operator} ${bound}`);
    }
    const alike = (isNumeric(a) && isNumeric(b)) || (a.type === 'string' && b.type === 'string');
    return boolean(alike ? `coalesce(${a.sql} ${operator} ${b.sql}, false)` : 'false');
  });
}

function textTest(sqlFunction: string): FunctionRule {
  return rule(2, 2, (args) =>
    boolean(`coalesce(${sqlFunction}(${asText(at(args, 0))}, ${asText(at(args, 1))}), false)`),
  );
}

/** Smallest or largest among the arguments of the first non-empty argument's kind. */
function extreme(sqlFunction: 'least' | 'greatest'): FunctionRule {
  return rule(1, MANY, (args) => {
    const first = args.find((arg) => arg.type !== 'null');
    if (!first) return NULL_SQL;
    const alike = args.filter((arg) => (isNumeric(first) ? isNumeric(arg) : arg.type === first.type));
    const { type, sql } = unify(alike);
    return { type, sql: `${sqlFunction}(${sql.join(', ')})` };
  });
}

/** BUCKET(value, size[, min[, max]]): the lower bound of the value's bucket; outside of min…max the bound it crossed. */
function bucket(args: readonly TypedSql[]): TypedSql {
  const value = asNumber(at(args, 0));
  const size = `nullif(${asNumber(at(args, 1))}, 0)`;
  const min = args[2] ? asNumber(args[2]) : undefined;
  const max = args[3] ? asNumber(args[3]) : undefined;
  const origin = min ?? '0';
  let sql = `(${origin} + floor((${value} - ${origin}) / ${size}) * ${size})`;
  if (min !== undefined) sql = `CASE WHEN ${value} < ${min} THEN ${min} ELSE ${sql} END`;
  if (max !== undefined) sql = `CASE WHEN ${value} >= ${max} THEN ${max} ELSE ${sql} END`;
  return float(sql);
}

function literalText(expression: Expression | undefined, name: string): string {
  if (expression?.kind !== 'string') throw new ApiError(422, `${name} needs its pattern as literal text`);
  return expression.value;
}

function unknownFunction(name: string): ApiError {
  return new ApiError(
    422,
    `there is no function ${name.slice(0, 60)}; known are ${Object.keys(FUNCTIONS)
      .filter((known) => known !== 'NOT_EQUALS')
      .join(', ')}`,
  );
}
