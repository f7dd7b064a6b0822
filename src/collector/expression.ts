/**
 * Honeycomb's language for calculated fields: literals, `$column`, FUNCTION(arg, …), and infix operators.
 * This file turns text into a tree; what the tree means is in expression-sql.ts.
 */
export type Expression =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] };

/** What is wrong and where (0-based offset into the text). */
export class ExpressionError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'ExpressionError';
    this.offset = offset;
  }
}

type TokenKind = 'string' | 'number' | 'column' | 'word' | 'symbol' | 'end';
interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

const MAX_DEPTH = 60;
const COLUMN_NAME = /[\p{L}\p{N}_./:=+?-]/u;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
};

/** Binary operators by how tightly they bind, with the function each stands for. */
const BINARY: Readonly<Record<string, { readonly precedence: number; readonly call: string }>> = {
  OR: { precedence: 1, call: 'OR' },
  AND: { precedence: 2, call: 'AND' },
  '=': { precedence: 3, call: 'EQUALS' },
  '!=': { precedence: 3, call: 'NOT_EQUALS' },
  '<': { precedence: 4, call: 'LT' },
  '<=': { precedence: 4, call: 'LTE' },
  '>': { precedence: 4, call: 'GT' },
  '>=': { precedence: 4, call: 'GTE' },
  '+': { precedence: 5, call: 'SUM' },
  '-': { precedence: 5, call: 'SUB' },
  '*': { precedence: 6, call: 'MUL' },
  '/': { precedence: 6, call: 'DIV' },
  '%': { precedence: 6, call: 'MOD' },
};

/** Parses one expression. Throws ExpressionError. */
export function parseExpression(source: string): Expression {
  const tokens = tokenize(source);
  let position = 0;
  const peek = (): Token =>
    tokens[Math.min(position, tokens.length - 1)] ?? { kind: 'end', text: '', offset: 0 };
  const next = (): Token => {
    const token = peek();
    position++;
    return token;
  };
  const isSymbol = (text: string): boolean => peek().kind === 'symbol' && peek().text === text;
  const expect = (text: string): void => {
    if (!isSymbol(text))
      throw new ExpressionError(`expected "${text}", found ${describe(peek())}`, peek().offset);
    next();
  };

  const binary = (minimum: number, depth: number): Expression => {
    let left = unary(depth);
    for (;;) {
      const token = peek();
      const operator = token.kind === 'symbol' || token.kind === 'word' ? BINARY[token.text] : undefined;
      if (!operator || operator.precedence < minimum) return left;
      next();
      left = { kind: 'call', name: operator.call, args: [left, binary(operator.precedence + 1, depth + 1)] };
    }
  };

  const unary = (depth: number): Expression => {
    if (depth > MAX_DEPTH) throw new ExpressionError('nested too deeply', peek().offset);
    if (isSymbol('!')) {
      next();
      return { kind: 'call', name: 'NOT', args: [unary(depth + 1)] };
    }
    if (isSymbol('-')) {
      next();
      return { kind: 'call', name: 'SUB', args: [{ kind: 'integer', value: 0n }, unary(depth + 1)] };
    }
    return primary(depth);
  };

  const primary = (depth: number): Expression => {
    const token = next();
    switch (token.kind) {
      case 'string':
        return { kind: 'string', value: token.text };
      case 'number':
        return numberLiteral(token);
      case 'column':
        return { kind: 'column', name: token.text };
      case 'word':
        return word(token, depth);
      default:
        if (token.text === '(') {
          const inner = binary(0, depth + 1);
          expect(')');
          return inner;
        }
        throw new ExpressionError(`expected a value, found ${describe(token)}`, token.offset);
    }
  };

  const word = (token: Token, depth: number): Expression => {
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'boolean', value: token.text === 'true' };
    if (token.text === 'null') return { kind: 'null' };
    if (!isSymbol('(')) {
      throw new ExpressionError(
        `"${token.text}" is neither a function call nor a value; columns are written $${token.text}, text in double quotes`,
        token.offset,
      );
    }
    next();
    const args: Expression[] = [];
    while (!isSymbol(')')) {
      args.push(binary(0, depth + 1));
      if (!isSymbol(',')) break;
      next();
    }
    expect(')');
    return { kind: 'call', name: token.text.toUpperCase(), args };
  };

  const tree = binary(0, 0);
  if (peek().kind !== 'end') {
    throw new ExpressionError(`nothing may follow here, found ${describe(peek())}`, peek().offset);
  }
  return tree;
}

function numberLiteral(token: Token): Expression {
  if (/^\d{1,18}$/.test(token.text)) return { kind: 'integer', value: BigInt(token.text) };
  const value = Number(token.text);
  if (!Number.isFinite(value)) throw new ExpressionError(`${token.text} is not a number`, token.offset);
  return { kind: 'float', value };
}

function describe(token: Token): string {
  return token.kind === 'end' ? 'the end' : JSON.stringify(token.text.slice(0, 40));
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: TokenKind, text: string, offset: number): void => {
    tokens.push({ kind, text, offset });
  };
  while (at < source.length) {
    const offset = at;
    const character = source.charAt(at);
    if (/\s/.test(character)) {
      at++;
    } else if (character === '"' || character === '`') {
      const { value, end } = readString(source, at);
      at = end;
      push('string', value, offset);
    } else if (character === '$') {
      const { value, end } = readColumn(source, at + 1);
      at = end;
      push('column', value, offset);
    } else {
      const rest = source.slice(at);
      const token =
        /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/.exec(rest) ??
        /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest) ??
        /^(?:<=|>=|!=|[-+*/%<>=!(),])/.exec(rest);
      if (!token) throw new ExpressionError(`unexpected ${JSON.stringify(character)}`, at);
      at += token[0].length;
      push(/^[.\d]/.test(token[0]) ? 'number' : /^\w/.test(token[0]) ? 'word' : 'symbol', token[0], offset);
    }
  }
  push('end', '', source.length);
  return tokens;
}

/** A name after `$`: quoted, or of letters, digits and the signs that names have. */
function readColumn(source: string, at: number): { value: string; end: number } {
  const first = source.charAt(at);
  if (first === '"' || first === '`') return readString(source, at);
  let end = at;
  for (const character of source.slice(at)) {
    if (!COLUMN_NAME.test(character)) break;
    end += character.length;
  }
  if (end === at) throw new ExpressionError('a column name must follow "$"', at);
  return { value: source.slice(at, end), end };
}

function readString(source: string, start: number): { value: string; end: number } {
  const quote = source.charAt(start);
  let value = '';
  for (let at = start + 1; at < source.length; at++) {
    const character = source.charAt(at);
    if (character === quote) return { value, end: at + 1 };
    if (character !== '\\' || quote === '`') {
      value += character;
      continue;
    }
    at++;
    const letter = source.charAt(at);
    const hexLength = { x: 2, u: 4, U: 8 }[letter];
    if (hexLength !== undefined) {
      const hex = source.slice(at + 1, at + 1 + hexLength);
      const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === hexLength ? Number.parseInt(hex, 16) : -1;
      if (code < 0 || code > 0x10ffff)
        throw new ExpressionError(`\\${letter} needs ${hexLength} hex digits`, at);
      value += String.fromCodePoint(code);
      at += hexLength;
    } else {
      value += ESCAPES[letter] ?? letter;
    }
  }
  throw new ExpressionError('text is not closed', start);
}
