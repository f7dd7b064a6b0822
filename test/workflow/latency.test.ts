import { expect, test } from 'vitest';
import { joinHalves } from '../../src/workflow/latency.ts';

const columns = { service: 'service.name', name: 'name' };

const row = (operation: string, half: string, count: number, p95: number, errors = 0) => ({
  'service.name': 'shop',
  name: operation,
  'plumbline.half': half,
  COUNT: count,
  p95,
  errors,
});

test('an operation is one row, with the late half’s P95 and its trend', () => {
  expect(joinHalves([row('GET /', 'early', 20, 100, 1), row('GET /', 'late', 30, 250, 2)], columns)).toEqual([
    { service: 'shop', operation: 'GET /', count: 50, errors: 3, p95: 250, trend: 2.5 },
  ]);
});

test('too few spans on either side give no trend', () => {
  const [only] = joinHalves([row('GET /', 'early', 9, 100), row('GET /', 'late', 300, 900)], columns);
  expect(only?.trend).toBeNull();
});

test('an operation that has stopped shows what it last had', () => {
  const [only] = joinHalves([row('GET /', 'early', 40, 120)], columns);
  expect(only).toMatchObject({ p95: 120, count: 40, trend: null });
});

test('rows that name no service, and cells that are no numbers, do no harm', () => {
  const odd = { 'service.name': null, name: 'x', COUNT: 1 };
  const empty = { 'service.name': 'shop', name: 'y', 'plumbline.half': 'late', COUNT: 'many' };
  expect(joinHalves([odd, empty], columns)).toEqual([
    { service: 'shop', operation: 'y', count: 0, errors: 0, p95: 0, trend: null },
  ]);
});
