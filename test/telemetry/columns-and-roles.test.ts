import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkColumns, columnsOf, isRelational, nearestNames } from '../../src/telemetry/columns.ts';
import type { Column } from '../../src/telemetry/query.ts';
import { resolveRoles } from '../../src/telemetry/roles.ts';
import { snapWindow } from '../../src/telemetry/snap-window.ts';

const columns = (...names: string[]): Column[] => names.map((name) => ({ name, type: 'string' }));
const COUNT = { op: 'COUNT' as const };

describe('column names', () => {
  it.each([
    ['duration', ['duration_ms', 'name'], ['duration_ms']],
    ['http.status', ['http.status_code', 'http.route', 'error'], ['http.status_code', 'http.route']],
    ['nmae', ['name', 'duration_ms'], ['name']],
    ['zzzzzz', ['name', 'error'], []],
  ])('nearest to %s among %j are %j', (name, known, expected) => {
    expect(nearestNames(name, known)).toEqual(expected);
  });

  it('that are known are always their own nearest', () => {
    const name = fc.string({ minLength: 3, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 10, selector: (s) => s.toLowerCase() }),
        (names) => {
          const [first = ''] = names;
          expect(nearestNames(first, names, 10)).toContain(first);
        },
      ),
    );
  });

  it('are taken from a spec without prefixes and calculated fields', () => {
    const spec = {
      breakdowns: ['name', 'parent.service.name', 'window', 'is_root'],
      calculations: [COUNT, { op: 'P95' as const, column: 'duration_ms' }],
      filters: [{ column: 'root.error', op: 'exists' as const }],
      calculated_fields: [{ name: 'window', expression: 'IF($x, 1, 2)' }],
    };
    expect(columnsOf(spec)).toEqual(['name', 'service.name', 'duration_ms', 'error']);
    expect(isRelational(spec)).toBe(true);
    expect(isRelational({ calculations: [COUNT], breakdowns: ['parental'] })).toBe(false);
    expect(
      isRelational({
        calculations: [COUNT],
        calculated_fields: [{ name: 'f', expression: 'EXISTS($root.x)' }],
      }),
    ).toBe(true);
  });

  it('that a dataset lacks are a Problem with the nearest', () => {
    const spec = { breakdowns: ['duration'], calculations: [COUNT] };
    expect(() => checkColumns(spec, columns('duration_ms'), 'shop')).toThrow(
      expect.objectContaining({ code: 'bad-input', nextStep: 'Nearest are: duration_ms.' }),
    );
    expect(() => checkColumns(spec, columns('duration'), 'shop')).not.toThrow();
  });
});

describe('roles', () => {
  it('are as the dataset defines them, when it has the column', () => {
    const definitions = new Map([
      ['duration_ms', 'took'],
      ['service_name', 'gone'],
    ]);
    expect(resolveRoles(definitions, columns('took', 'duration_ms', 'serviceName', 'traceId'))).toEqual({
      duration: 'took',
      service: 'serviceName',
      traceId: 'traceId',
    });
  });

  it('fall back to the usual names', () => {
    expect(
      resolveRoles(new Map(), columns('durationMs', 'trace.parent_id', 'http.status_code', 'error')),
    ).toEqual({
      duration: 'durationMs',
      parentId: 'trace.parent_id',
      status: 'http.status_code',
      error: 'error',
    });
  });
});

it('windows snap outwards to Honeycomb’s steps, and stay where they are after that', () => {
  fc.assert(
    fc.property(fc.nat(2e9), fc.integer({ min: 1, max: 6 * 86_400 }), (start, length) => {
      const window = { start: start * 1000, end: (start + length) * 1000 };
      const snapped = snapWindow(window);
      const step = length <= 21_600 ? 60_000 : length <= 172_800 ? 300_000 : 1_800_000;
      expect(snapped.start).toBeLessThanOrEqual(window.start);
      expect(snapped.end).toBeGreaterThanOrEqual(window.end);
      expect(window.start - snapped.start).toBeLessThan(step);
      expect(snapped.end - window.end).toBeLessThan(step);
      expect(snapped.start % step).toBe(0);
    }),
  );
});
