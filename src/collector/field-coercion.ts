import type { FieldValue } from './event.ts';
import type { ColumnType } from './schema.ts';

const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/** True when a BIGINT column can hold it. */
export function fitsInteger(value: bigint): boolean {
  return value >= MIN_INTEGER && value <= MAX_INTEGER;
}

/** The value as a column of that type keeps it, or null when the column cannot hold it. */
export function coerceField(value: FieldValue, type: ColumnType): FieldValue | null {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : String(value);
    case 'float': {
      const number = typeof value === 'string' ? parseNumber(value) : Number(value);
      return Number.isFinite(number) ? number : null;
    }
    case 'integer': {
      if (typeof value === 'bigint') return fitsInteger(value) ? value : null;
      const number = typeof value === 'string' ? parseNumber(value) : Number(value);
      return Number.isSafeInteger(number) ? BigInt(number) : null;
    }
    case 'boolean':
      if (typeof value === 'boolean') return value;
      if (typeof value === 'string') return value !== '' && value.toLowerCase() !== 'false';
      return value !== 0 && value !== 0n;
  }
}

function parseNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
