import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { metricPage, stackPage } from '../../src/diagnosis/reason/evidence-links.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import type { MetricQuery } from '../../src/infrastructure/model.ts';
import { play, type Scene, shop } from './scene.ts';

const WINDOW = { start: Date.UTC(2026, 0, 5, 12), end: Date.UTC(2026, 0, 5, 13) };
const cpu: MetricQuery = {
  id: 'q',
  namespace: 'AWS/ECS',
  metric: 'CPUUtilization',
  dimensions: { ServiceName: 'shop', ClusterName: 'main' },
  statistic: 'average',
  unit: 'percent',
};

/** What the console reads from such an address: JSURL, by its published grammar. */
function decoded(text: string): unknown {
  let at = 0;
  const word = (): string => {
    let found = '';
    for (; at < text.length && !'~()'.includes(text.charAt(at)); at++) {
      if (text.charAt(at) !== '*') {
        found += text.charAt(at);
        continue;
      }
      const long = text.charAt(at + 1) === '*';
      const digits = text.slice(at + (long ? 2 : 1), at + (long ? 6 : 3));
      found += String.fromCharCode(Number.parseInt(digits, 16));
      at += long ? 5 : 2;
    }
    return found;
  };
  const value = (): unknown => {
    if (text.charAt(at++) !== '~') throw new Error(`no value at ${at}`);
    if (text.charAt(at) === "'") {
      at++;
      return word();
    }
    if (text.charAt(at) !== '(') return JSON.parse(word());
    at++;
    if (text.charAt(at) === '~') {
      const list: unknown[] = [];
      while (text.charAt(at) !== ')') list.push(value());
      at++;
      return list;
    }
    const entries: [string, unknown][] = [];
    for (;;) {
      const key = word();
      entries.push([key, value()]);
      if (text.charAt(at++) === ')') return Object.fromEntries(entries);
    }
  };
  const all = value();
  if (at !== text.length) throw new Error(`rest at ${at}`);
  return all;
}

const graphOf = (page: string | undefined): unknown => decoded(page?.split('#metricsV2:graph=')[1] ?? '');

describe('the page of a metric', () => {
  test('shows it with dimensions, statistic, period and time', () => {
    const page = metricPage('eu-west-1', cpu, WINDOW, 60);
    expect(page).toBe(
      'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#metricsV2:graph=' +
        "~(metrics~(~(~'AWS*2fECS~'CPUUtilization~'ClusterName~'main~'ServiceName~'shop" +
        "~(stat~'Average~period~60)))~view~'timeSeries~stacked~false~region~'eu-west-1" +
        "~start~'2026-01-05T12*3a00*3a00.000Z~end~'2026-01-05T13*3a00*3a00.000Z)",
    );
  });

  test('holds any name as it is, and leads nowhere else by it', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        `it's`,
        `~(a~'b)`,
        '#x?y=1&z',
        'a\nb\r\n',
        '"><script>',
        '%2f%00',
        '$!*',
        '../..',
        '\u2028é漢',
      ),
    );
    fc.assert(
      fc.property(name, name, name, (service, metric, namespace) => {
        const page = metricPage(
          'us-east-1',
          { ...cpu, namespace, metric, dimensions: { service } },
          WINDOW,
          10,
        );
        expect(graphOf(page)).toMatchObject({
          metrics: [[namespace, metric, 'service', service, { stat: 'Average', period: 10 }]],
        });
        // Nothing that anyone would encode or decode again on the way.
        expect(page).toMatch(
          /^https:\/\/us-east-1\.console\.aws\.amazon\.com\/[\w/?=-]+#metricsV2:graph=[\w~()'*.-]+$/,
        );
        expect(new URL(page ?? '').href).toBe(page);
      }),
    );
  });

  test.each(['cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'evil.example.org/', '', 'eu-west-1@evil'])(
    'region %s has none in this console',
    (region) => {
      expect(metricPage(region, cpu, WINDOW, 60)).toBeUndefined();
    },
  );
});

describe('the page of a stack', () => {
  test('is that of the update, or its own', () => {
    const fqn = 'acme/shop/prod';
    expect(stackPage(fqn, 'https://api.pulumi.com', 42)).toBe(
      'https://app.pulumi.com/acme/shop/prod/updates/42',
    );
    expect(stackPage(fqn, 'https://app.pulumi.com/acme')).toBe('https://app.pulumi.com/acme/shop/prod');
  });

  test.each([
    ['file:///state', 'organization/shop/prod'],
    ['s3://bucket', 'organization/shop/prod'],
    ['https://pulumi.example.org', 'acme/shop/prod'],
    ['http://api.pulumi.com', 'acme/shop/prod'],
    ['https://api.pulumi.com.example.org', 'acme/shop/prod'],
    ['https://api.pulumi.com', 'shop/prod'],
    ['https://api.pulumi.com', '../shop/prod'],
    ['https://api.pulumi.com', 'acme/shop/prod?x#y'],
    ['https://api.pulumi.com', 'acme/a/b/c'],
    ['', 'acme/shop/prod'],
  ])('%s has none of %s', (backend, fqn) => {
    expect(stackPage(fqn, backend, 1)).toBeUndefined();
  });
});

describe('evidence', () => {
  const scene: Scene = { root: shop({ own: 12 }), cpu: { shop: [35, 99] } };
  const update = {
    kind: 'update',
    result: 'succeeded',
    message: 'less CPU',
    changes: { update: 1 },
  } as const;

  function urls(fromAws: boolean, backend: string): readonly (string | undefined)[] {
    const gathered = play(scene);
    const { metrics, windows } = gathered;
    const start = windows.incident.start - 10_000;
    const { evidence } = reason({
      ...gathered,
      metrics: metrics && { ...metrics, fromAws },
      updates: [
        { stack: 'acme/shop/prod', backend, update: { ...update, start, end: start + 5_000, version: 7 } },
      ],
    });
    return evidence.map(({ source }) => source.url);
  }

  test('of CloudWatch and Pulumi Cloud opens there', () => {
    const found = urls(true, 'https://api.pulumi.com');
    expect(found.some((url) => url?.startsWith('https://eu-north-1.console.aws.amazon.com/'))).toBe(true);
    expect(found).toContain('https://app.pulumi.com/acme/shop/prod/updates/7');
  });

  test('of what stands in for AWS, and of a file backend, has no page', () => {
    expect(urls(false, 'file:///state').filter((url) => url !== undefined)).toEqual([]);
  });
});
