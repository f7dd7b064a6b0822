import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { type DiagnosisPorts, gather } from '../../src/diagnosis/gather/gather.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { quantile } from '../../src/diagnosis/reason/statistics.ts';
import { HoneycombClient } from '../../src/telemetry/honeycomb.ts';
import type { TelemetryStore } from '../../src/telemetry/query.ts';
import { sendTraces, type TestSpan } from '../collector/otlp-json.ts';
import { cleanUp, runCollector } from '../collector/running-collector.ts';
import { replay } from './recorded/replay.ts';
import { generator } from './scene.ts';

/** Ten minutes of requests; in the last three those of one tenant take far longer, on whichever of two instances. */
const MINUTES = 10;
const SLOW_FROM = 7;
const SLOW_TENANT = 'globex "§" \\ Ltd.';
const OPERATION = 'GET /offers "all"';
const now = Math.floor(Date.now() / 60_000) * 60_000;

const random = generator(11);
const SPANS = Array.from({ length: MINUTES * 60 * 3 }, (_, i): TestSpan => {
  const second = i / 3;
  const tenant = ['acme', SLOW_TENANT, 'initech'][Math.floor(random() * 3)] ?? 'acme';
  const isSlow = second >= SLOW_FROM * 60 && tenant === SLOW_TENANT;
  return {
    name: OPERATION,
    start: now - MINUTES * 60_000 + second * 1000,
    durationMs: (isSlow ? 900 : 100) * (0.8 + 0.4 * random()),
    attributes: {
      'service.instance.id': random() < 0.5 ? 'i-1' : 'i-2',
      'app.tenant': tenant,
      'app.retried': random() < 0.5,
      'app.request_id': `r-${i}`,
    },
  };
});

let store: TelemetryStore;

beforeAll(async () => {
  const collector = await runCollector();
  await sendTraces(collector.url, 'shop', SPANS);
  store = new HoneycombClient({ apiUrl: collector.url, apiKey: async () => 'local', name: 'collector' });
}, 60_000);

afterAll(cleanUp);

const ports = (telemetry: TelemetryStore): DiagnosisPorts => ({
  telemetry,
  metrics: null,
  stacks: null,
  now,
});
const LOOKBACK = { lookbackMinutes: MINUTES };
const never = (): AbortSignal => new AbortController().signal;

/** The same store, with its answer about instances cut. */
function cutting(): TelemetryStore {
  return {
    name: store.name,
    computesOverParents: store.computesOverParents,
    get requests() {
      return store.requests;
    },
    datasets: (signal) => store.datasets(signal),
    columns: (dataset, signal) => store.columns(dataset, signal),
    markers: (dataset, signal) => store.markers(dataset, signal),
    mark: (...all) => store.mark(...all),
    run: async (dataset, spec, window, options) => {
      const answer = await store.run(dataset, spec, window, options);
      return { ...answer, truncated: spec.breakdowns?.includes('plumbline.instance') === true };
    },
  };
}

describe('comparison of what the collector holds', () => {
  test('finds the tenant whose requests are slow, within four results', async () => {
    const diagnosis = await diagnose(LOOKBACK, ports(store), never());
    expect(diagnosis.requests).toBeLessThanOrEqual(4);
    const [first, ...others] = diagnosis.comparison;
    expect(first).toMatchObject({ attribute: 'app.tenant', value: SLOW_TENANT });
    // The P95 of a short point lies below that of all, so some healthy requests count as slow.
    expect(first?.shareSlow).toBeGreaterThan(0.7);
    expect(first?.shareOthers).toBeLessThan(0.1);
    expect(others).toEqual([]);
  });

  test('asks by what tells requests apart alone, and gives the same bytes again', async () => {
    const first = await gather(LOOKBACK, ports(store), never());
    expect(first.comparison?.attributes).toEqual(['service.instance.id', 'app.tenant', 'app.retried']);
    const again = await gather(LOOKBACK, ports(store), never());
    expect(JSON.stringify(reason({ ...again, requests: 4 }))).toBe(
      JSON.stringify(reason({ ...first, requests: 4 })),
    );
  });

  test('leaves the instances their requests and percentiles, split as the answer is', async () => {
    const { instances, windows } = await gather(LOOKBACK, ports(store), never());
    const named = new Map([
      ['incident', windows.incident],
      ...windows.baselines.map((one, i) => [`baseline-${i}`, one] as const),
    ]);
    expect(instances?.rows).toHaveLength(2 * named.size);
    for (const { window, instance, count, p50, p95, p99 } of instances?.rows ?? []) {
      const { start, end } = named.get(window) ?? { start: 0, end: 0 };
      const durations = SPANS.filter(
        (span) =>
          span.attributes?.['service.instance.id'] === instance && span.start >= start && span.start < end,
      ).map(({ durationMs }) => durationMs);
      expect(count).toBe(durations.length);
      for (const [percentile, share] of [
        [p50, 0.5],
        [p95, 0.95],
        [p99, 0.99],
      ] as const) {
        expect(
          Math.abs(percentile / quantile(durations, share) - 1),
          `${share} of ${instance}, ${window}`,
        ).toBeLessThan(0.1);
      }
    }
  });

  test('is dropped where the answer was cut, and said so; the instances stay', async () => {
    const gathered = await gather(LOOKBACK, ports(cutting()), never());
    expect(gathered.comparison).toBeNull();
    expect(gathered.gaps.map(({ what }) => what)).toContain('What the slow requests have in common');
    expect(new Set(gathered.instances?.rows.map(({ instance }) => instance))).toEqual(
      new Set(['i-1', 'i-2']),
    );
    expect(reason(gathered).comparison).toEqual([]);
  });

  test('names the task that the lab held back', async () => {
    const { request, ports: recorded, faultyInstance, close } = await replay('one-bad-instance');
    try {
      const { comparison, requests } = await diagnose(request, recorded, never());
      expect(requests).toBeLessThanOrEqual(4);
      expect(faultyInstance).toBeDefined();
      expect(comparison[0]?.attribute).toBe('service.instance.id');
      expect(faultyInstance).toContain(comparison[0]?.value);
    } finally {
      await close();
    }
  }, 60_000);
});
