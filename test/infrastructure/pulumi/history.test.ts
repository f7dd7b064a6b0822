import { expect, test } from 'vitest';
import { parseHistory } from '../../../src/infrastructure/pulumi/history.ts';

const update = {
  kind: 'update',
  startTime: '2026-01-05T12:00:00.000Z',
  endTime: '2026-01-05T12:01:00.000Z',
  message: 'less CPU',
  result: 'succeeded',
  resourceChanges: { update: 1 },
};

test('updates carry the number that their backend gave them, where it gave one', () => {
  const versions = [7, 0, undefined, null, 1.5, -1];
  const parsed = parseHistory(
    JSON.stringify(versions.map((version) => ({ ...update, version }))),
    'acme/shop/prod',
  );
  expect(parsed.map(({ version }) => version)).toEqual([
    7,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
