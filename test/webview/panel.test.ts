import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import type { PanelState, ProposalView } from '../../src/workflow/messages.ts';
import { diagnosed, proposal, proposed, states } from './fixture.ts';
import { diagnosis } from './fixture-diagnosis.ts';
import { browserPath, PanelBrowser, type PanelPage } from './page.ts';
import type { ThemeName } from './themes.ts';

const path = browserPath();
let started: PanelBrowser | undefined;

beforeAll(async () => {
  if (path !== undefined) started = await PanelBrowser.start(path);
}, 60_000);

afterAll(async () => {
  await started?.close();
});

/** The browser, or the end of the test with the reason. */
function browserOf(ctx: TestContext): PanelBrowser {
  if (started === undefined) ctx.skip('Chromium: there is none on this machine');
  return started;
}

async function opened(ctx: TestContext, state: PanelState, width = 1280): Promise<PanelPage> {
  const panel = await browserOf(ctx).open({ theme: 'dark', width });
  await panel.show(state);
  return panel;
}

async function violations(page: PanelPage['page']): Promise<readonly string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id} ${n.html}`));
}

const themes: readonly ThemeName[] = ['dark', 'light', 'high-contrast', 'high-contrast-light'];

describe('every face of the panel', () => {
  for (const theme of themes) {
    test(`is accessible, fits and keeps to its policy in ${theme}`, { timeout: 180_000 }, async (ctx) => {
      const found: string[] = [];
      for (const width of [300, 1280]) {
        const { page, show, errors } = await browserOf(ctx).open({ theme, width });
        for (const [name, state] of Object.entries(states)) {
          await show(state);
          // Colours differ by theme, structure by width: wide in every theme and narrow in one covers both.
          if (width === 1280 || theme === 'dark') {
            found.push(...(await violations(page)).map((violation) => `${name} ${width}: ${violation}`));
          }
          const sideways = await page.evaluate<number>(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          expect(sideways, `${name} fits ${width} px`).toBeLessThanOrEqual(0);
        }
        expect(errors).toEqual([]);
        await page.context().close();
      }
      expect(found).toEqual([]);
    });
  }
});

describe('buttons', () => {
  const cases: readonly (readonly [state: string, button: string, command: string])[] = [
    ['idle', 'Diagnose latency', 'diagnose'],
    ['idle', 'Settings', 'openSettings'],
    ['failed', 'Try again', 'diagnose'],
    ['proposed', 'Review change', 'openDiff'],
    ['proposed', 'Discard', 'discard'],
    ['previewing', 'Cancel', 'cancel'],
    ['previewed', 'Apply…', 'confirm'],
    ['verified', 'Roll back…', 'rollBack'],
    ['applied', 'Verify', 'verify'],
    ['applied', 'Roll back…', 'rollBack'],
    ['halfApplied', 'Roll back…', 'rollBack'],
    ['refused', 'Review again', 'openDiff'],
    ['proposed', 'Open its source', 'openResource'],
  ];
  for (const [state, button, command] of cases) {
    test(`${state}: “${button}” asks for ${command}`, async (ctx) => {
      const shown = states[state];
      if (shown === undefined) throw new Error(`no state ${state}`);
      const { page, commands } = await opened(ctx, shown);
      expect((await commands())[0]).toEqual({ type: 'ready' });
      await page.getByRole('button', { name: button, exact: true }).first().click();
      expect((await commands()).at(-1)).toMatchObject({ type: command });
      await page.context().close();
    });
  }

  test('offer nothing that the state does not allow', async (ctx) => {
    const { page, show } = await opened(ctx, diagnosed);
    expect(await page.getByRole('button', { name: 'Apply…' }).count()).toBe(0);
    const applying: ProposalView = { ...proposed, state: 'applying' };
    await show({ ...diagnosed, proposals: [applying] });
    expect(await page.getByRole('button', { name: /Apply|Review|Discard|Roll/ }).count()).toBe(0);
    await page.context().close();
  });

  test('after a failure that left the files changed there is only the way back', async (ctx) => {
    const { page, show } = await opened(ctx, states['halfApplied'] ?? diagnosed);
    expect(await page.getByRole('button', { name: /Discard|Review again/ }).count()).toBe(0);
    expect(await page.locator('.status').first().textContent()).toContain('files hold this change');
    const rejected: ProposalView = { ...proposed, state: 'rejected', filesStand: true };
    await show({ ...diagnosed, proposals: [rejected] });
    expect(await page.locator('#app').textContent()).not.toContain('Nothing was changed');
    await page.context().close();
  });

  test('a change that is being verified is not verified twice', async (ctx) => {
    const progress = { label: 'Waiting for telemetry', fraction: null };
    const { page } = await opened(ctx, {
      ...diagnosed,
      proposals: [{ ...proposed, state: 'applied', filesStand: true, progress }],
    });
    expect(await page.getByRole('button', { name: 'Verify', exact: true }).isDisabled()).toBe(true);
    await page.context().close();
  });

  test('are reached and pressed by keyboard alone', async (ctx) => {
    const { page, commands } = await opened(ctx, diagnosed);
    const review = page.getByRole('button', { name: 'Review change' });
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if (await review.evaluate((element) => element === element.ownerDocument.activeElement)) break;
    }
    await page.keyboard.press('Enter');
    expect((await commands()).at(-1)).toEqual({ type: 'openDiff', proposalId: proposal.id });
    await page.context().close();
  });
});

describe('text from outside', () => {
  test('an assistant’s figures are told as its claims', async (ctx) => {
    const { page, show } = await opened(ctx, diagnosed);
    expect(await page.locator('.effects').textContent()).not.toContain('claim');
    const claimed: ProposalView = {
      ...proposed,
      proposal: { ...proposal, origin: { by: 'mcp', client: 'a-model' } },
    };
    await show({ ...diagnosed, proposals: [claimed] });
    const effects = await page.locator('.effects').textContent();
    expect(effects).toContain('Expected P95 (the assistant’s claim)');
    expect(effects).toContain('Cost a month (the assistant’s claim)');
    await page.context().close();
  });

  const hostile = '<img src=x onerror="window.hit=1"><b>bold</b>';

  test('stays text, wherever it stands', async (ctx) => {
    const { page, errors } = await opened(ctx, {
      ...diagnosed,
      narrative: { headline: hostile, sentences: [hostile] },
      problem: { message: hostile, nextStep: hostile },
      diagnosis: {
        ...diagnosis,
        operations: diagnosis.operations.map((o) => ({ ...o, operation: hostile })),
        comparison: diagnosis.comparison.map((c) => ({ ...c, attribute: hostile, value: hostile })),
        evidence: diagnosis.evidence.map((e) => ({ ...e, summary: hostile })),
        changes: [{ time: diagnosis.incident.start, kind: 'marker', title: hostile }],
      },
      proposals: [{ ...proposed, proposal: { ...proposal, title: hostile, diff: `+${hostile}` } }],
    });
    expect(await page.locator('#app b, #app img').count()).toBe(0);
    expect(await page.locator('h1').textContent()).toBe(hostile);
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe('chart', () => {
  test('has the same numbers as a table, with its events', async (ctx) => {
    const { page } = await opened(ctx, diagnosed);
    await page.getByRole('button', { name: 'Show as table' }).click();
    const rows = page.getByRole('region', { name: 'Latency, table' }).getByRole('row');
    expect(await rows.count()).toBe(diagnosis.latency.length + 1);
    expect(await rows.filter({ hasText: 'slower from here' }).count()).toBe(1);
    await page.context().close();
  });

  test('tells a point under the pointer', async (ctx) => {
    const { page } = await opened(ctx, diagnosed);
    await page.locator('.u-over').hover({ position: { x: 200, y: 60 } });
    await page.locator('.chart-tooltip').waitFor();
    expect(await page.locator('.chart-tooltip').textContent()).toMatch(/P95 \d.*requests/);
    await page.context().close();
  });

  test('hides a line on request and remembers it', async (ctx) => {
    const { page } = await opened(ctx, diagnosed);
    await page.getByRole('button', { name: 'P99' }).click();
    expect(await page.getByRole('button', { name: 'P99' }).getAttribute('aria-pressed')).toBe('false');
    expect(await page.evaluate('JSON.parse(sessionStorage.getItem("state")).hiddenSeries')).toEqual(['p99']);
    await page.context().close();
  });
});

describe('what slow requests have in common', () => {
  test('is a table of values with their shares, each with its evidence', async (ctx) => {
    const { page } = await opened(ctx, diagnosed);
    const rows = page.getByRole('region', { name: 'What slow requests have in common' }).getByRole('row');
    const texts = await rows.allTextContents();
    expect(texts).toHaveLength(diagnosis.comparison.length + 1);
    expect(texts[1]).toContain('service.instance.id0943d28a46505b882859ea771a8bf05475 %8 %');
    expect(texts[2]).toContain('app.tenant(none)41 %22 %');
    await rows.nth(1).getByRole('link').press('Enter');
    expect(await page.locator('details.evidence[open]').getAttribute('id')).toBe('ev_c41d07a2be96');
    await page.context().close();
  });

  test('shows nothing where nothing differs, and the beginning of an endless value', async (ctx) => {
    const { page, show } = await opened(ctx, { ...diagnosed, diagnosis: { ...diagnosis, comparison: [] } });
    expect(await page.getByText('What slow requests have in common').count()).toBe(0);
    const comparison = diagnosis.comparison.map((one) => ({ ...one, value: 'x'.repeat(5_000) }));
    await show({ ...diagnosed, diagnosis: { ...diagnosis, comparison } });
    expect((await page.locator('.compared-value').first().textContent())?.length).toBe(80);
    await page.context().close();
  });
});

describe('evidence', () => {
  test('opens from where it is cited, with its query', async (ctx) => {
    const { page, commands } = await opened(ctx, diagnosed);
    await page.getByRole('link', { name: 'Evidence E2' }).first().click();
    const piece = page.locator('details.evidence[open]');
    expect(await piece.count()).toBe(1);
    expect(await piece.textContent()).toContain('CPUUtilization');
    await piece.getByRole('button', { name: 'Open as a document' }).click();
    expect((await commands()).at(-1)).toMatchObject({ type: 'openEvidence' });
    await page.context().close();
  });

  test('says where it opens: at its source, or as a document', async (ctx) => {
    const pages = [
      'https://ui.honeycomb.io/q',
      'https://eu-west-1.console.aws.amazon.com/x',
      'https://app.pulumi.com/a/b/c',
    ];
    const [telemetry, metrics, stack] = diagnosis.evidence.flatMap(({ source }) => source);
    const sources = [telemetry, metrics, stack].flatMap((source, i) =>
      source === undefined
        ? []
        : [
            { ...source, url: pages[i] ?? '' },
            { ...source, url: 'http://insecure.example.org' },
          ],
    );
    const evidence = diagnosis.evidence.flatMap((one, i) => {
      const source = sources[i];
      return source === undefined ? [] : [{ ...one, source }];
    });
    const { page } = await opened(ctx, { ...diagnosed, diagnosis: { ...diagnosis, evidence } });
    const names = await page.locator('details.evidence button.link').allTextContents();
    expect(names.slice(0, 6)).toEqual([
      'Open in Honeycomb',
      'Open as a document',
      'Open in CloudWatch',
      'Open as a document',
      'Open in Pulumi Cloud',
      'Open as a document',
    ]);
    await page.context().close();
  });
});
