import uPlot from 'uplot';
import { type ChartData, labelRows, type Mark, timeRange } from './chart-data.ts';
import { duration, hourAndMinute, timeOfDay } from './format.ts';

export type SeriesName = 'p50' | 'p95' | 'p99';

export const seriesNames: readonly SeriesName[] = ['p50', 'p95', 'p99'];

interface Theme {
  readonly font: string;
  readonly text: string;
  readonly background: string;
  readonly grid: string;
  readonly shade: string;
  readonly series: { readonly [S in SeriesName]: string };
  readonly mark: { readonly [K in Mark['kind']]: string };
}

const CHART_HEIGHT = 220;
const LABEL_HEIGHT = 16;

/** The theme's colours as they are now; a canvas can't use variables. */
function readTheme(element: HTMLElement): Theme {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    font: `11px ${style.fontFamily}`,
    text: color('--pl-dim'),
    background: color('--pl-bg'),
    grid: color('--pl-grid'),
    shade: color('--pl-shade'),
    series: { p50: color('--pl-p50'), p95: color('--pl-p95'), p99: color('--pl-p99') },
    mark: { onset: color('--pl-bad'), change: color('--pl-dim'), deployment: color('--pl-good') },
  };
}

/** Draws latency over time into `element`; `onHover` tells which point is under the pointer (index and x), or null. */
export function drawChart(
  element: HTMLElement,
  data: ChartData,
  hidden: ReadonlySet<string>,
  onHover: (hover: { readonly index: number; readonly left: number } | null) => void,
): uPlot {
  const theme = readTheme(element);
  const rows = Math.max(
    1,
    ...markRows(data.marks, theme, element.clientWidth, timeRange(data)).map((r) => r + 1),
  );
  const line = (name: SeriesName, width: number, dash: number[]): uPlot.Series => ({
    label: name.toUpperCase(),
    scale: 'ms',
    stroke: theme.series[name],
    width,
    dash,
    show: !hidden.has(name),
    points: { show: data.points.length < 2 },
    // A minute without requests is a hole, not a line across.
    spanGaps: false,
  });
  const axis: uPlot.Axis = {
    stroke: theme.text,
    font: theme.font,
    grid: { stroke: theme.grid, width: 1 },
    ticks: { show: false },
  };
  const options: uPlot.Options = {
    width: Math.max(element.clientWidth, 200),
    height: CHART_HEIGHT + rows * LABEL_HEIGHT,
    padding: [rows * LABEL_HEIGHT + 4, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [...timeRange(data)] as [number, number] },
      ms: { range: (_, __, max) => [0, Number.isFinite(max) && max > 0 ? max * 1.08 : 1] },
    },
    series: [{}, line('p50', 1.25, []), line('p95', 2, []), line('p99', 1.25, [4, 3])],
    axes: [
      { ...axis, size: 26, values: (_, ticks) => ticks.map(hourAndMinuteOrSeconds(data)), incrs: timeSteps },
      { ...axis, scale: 'ms', size: 56, values: (_, ticks) => ticks.map((ms) => duration(ms)) },
    ],
    hooks: {
      drawClear: [(plot) => shadeIncident(plot, data, theme)],
      draw: [(plot) => drawMarks(plot, data.marks, theme)],
      setCursor: [
        (plot) => {
          const { idx, left } = plot.cursor;
          onHover(
            idx == null || left === undefined || left < 0
              ? null
              : { index: idx, left: left + axisWidth(plot) },
          );
        },
      ],
    },
  };
  return new uPlot(options, columns(data), element);
}

function columns({ points }: ChartData): uPlot.AlignedData {
  return [
    points.map((p) => p.time),
    ...seriesNames.map((name) => points.map((p) => (p.count === 0 ? null : p[name]))),
  ] as unknown as uPlot.AlignedData;
}

/** Steps of the time axis in milliseconds: 5 s … 1 d. */
const timeSteps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400].map(
  (s) => s * 1000,
);

function hourAndMinuteOrSeconds(data: ChartData): (time: number) => string {
  const [start, end] = timeRange(data);
  return end - start < 6 * 60_000 ? timeOfDay : hourAndMinute;
}

function axisWidth(plot: uPlot): number {
  return plot.bbox.left / devicePixelRatio;
}

function shadeIncident(plot: uPlot, { incident }: ChartData, theme: Theme): void {
  if (incident === null) return;
  const { ctx, bbox } = plot;
  const left = Math.max(plot.valToPos(incident.start, 'x', true), bbox.left);
  const right = Math.min(plot.valToPos(incident.end, 'x', true), bbox.left + bbox.width);
  if (right <= left) return;
  ctx.save();
  ctx.fillStyle = theme.shade;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.restore();
}

function drawMarks(plot: uPlot, marks: readonly Mark[], theme: Theme): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const [start = 0, end = 1] = [plot.scales['x']?.min, plot.scales['x']?.max];
  const shown = marks.filter((m) => m.time >= start && m.time <= end);
  const placed = placeLabels(
    ctx,
    shown,
    theme,
    (time) => plot.valToPos(time, 'x', true) / ratio,
    (bbox.left + bbox.width) / ratio,
  );
  const rows = labelRows(placed);
  ctx.save();
  ctx.font = scaledFont(theme.font, ratio);
  ctx.textBaseline = 'middle';
  // The axes leave theirs behind.
  ctx.textAlign = 'left';
  const labelTop = (index: number) => bbox.top - (((rows[index] ?? 0) + 1) * LABEL_HEIGHT + 2) * ratio;
  for (const [index, { mark, at }] of placed.entries()) {
    const x = Math.round(at * ratio) + 0.5;
    ctx.strokeStyle = theme.mark[mark.kind];
    ctx.lineWidth = ratio;
    ctx.setLineDash(mark.kind === 'change' ? [3 * ratio, 3 * ratio] : []);
    ctx.beginPath();
    ctx.moveTo(x, labelTop(index) + LABEL_HEIGHT * ratio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  // After all lines, on a ground of their own: a line to a higher label may pass behind.
  for (const [index, { mark, x, width, label }] of placed.entries()) {
    ctx.fillStyle = theme.background;
    ctx.fillRect((x - 2) * ratio, labelTop(index), (width - 6) * ratio, LABEL_HEIGHT * ratio);
    ctx.fillStyle = theme.mark[mark.kind];
    ctx.fillText(label, x * ratio, labelTop(index) + (LABEL_HEIGHT / 2) * ratio);
  }
  ctx.restore();
}

interface PlacedLabel {
  readonly mark: Mark;
  readonly label: string;
  /** Where the line stands, and where its label begins and how wide it is; CSS pixels. */
  readonly at: number;
  readonly x: number;
  readonly width: number;
}

const LABEL_LENGTH = 34;

/** Labels begin at their line, or end at the chart's edge where they would leave it. */
function placeLabels(
  ctx: CanvasRenderingContext2D,
  marks: readonly Mark[],
  theme: Theme,
  position: (time: number) => number,
  edge: number,
): readonly PlacedLabel[] {
  ctx.save();
  ctx.font = theme.font;
  const placed = marks.map((mark) => {
    const label = mark.label.length > LABEL_LENGTH ? `${mark.label.slice(0, LABEL_LENGTH - 1)}…` : mark.label;
    const width = ctx.measureText(label).width + 10;
    const at = position(mark.time);
    return { mark, label, at, x: Math.max(0, Math.min(at - 2, edge - width + 10)), width };
  });
  ctx.restore();
  return placed;
}

/** Rows that the labels will need, reckoned before there is a chart to measure with. */
function markRows(
  marks: readonly Mark[],
  theme: Theme,
  width: number,
  [start, end]: readonly [number, number],
) {
  const ctx = document.createElement('canvas').getContext('2d');
  if (ctx === null || end <= start) return [];
  const position = (time: number) => 56 + ((time - start) / (end - start)) * (width - 64);
  const shown = marks.filter((m) => m.time >= start && m.time <= end);
  return labelRows(placeLabels(ctx, shown, theme, position, width - 8));
}

function scaledFont(font: string, ratio: number): string {
  return font.replace(/^(\d+)px/, (_, size: string) => `${Number(size) * ratio}px`);
}
