import { expect, test } from 'vitest';
import { withoutSecrets } from '../../src/mcp/secrets.ts';

test('properties that are named like secrets', () => {
  expect(
    withoutSecrets({ password: 'p', apiKey: 'k', nested: [{ clientSecret: 's', region: 'eu' }], cpu: '512' }),
  ).toEqual({
    password: '[secret]',
    apiKey: '[secret]',
    nested: [{ clientSecret: '[secret]', region: 'eu' }],
    cpu: '512',
  });
});

test('an environment inside a JSON document', () => {
  const { containerDefinitions } = withoutSecrets({
    containerDefinitions: JSON.stringify([
      {
        name: 'app',
        environment: [
          { name: 'DB_PASSWORD', value: 'x' },
          { name: 'LOG_LEVEL', value: 'info' },
        ],
      },
    ]),
  });
  expect(JSON.parse(String(containerDefinitions))).toEqual([
    {
      name: 'app',
      environment: [
        { name: 'DB_PASSWORD', value: '[secret]' },
        { name: 'LOG_LEVEL', value: 'info' },
      ],
    },
  ]);
});

test('what tells where a secret is stays', () => {
  const properties = { secretArn: 'arn:x', passwordVersion: 3, keyId: 'k', tokenTtl: 60, secret: null };
  expect(withoutSecrets(properties)).toEqual(properties);
});

test('text that only looks like JSON stays as it is', () => {
  expect(withoutSecrets({ note: '[not json' })).toEqual({ note: '[not json' });
});
