import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Diagnosis, LatencyPoint, ProposalView } from '../workflow/messages.ts';
import { drawChart, type SeriesName, seriesNames } from './chart.ts';
import { type ChartData, chartData } from './chart-data.ts';
import { count, duration, timeOfDay } from './format.ts';
import { keep, uiState } from './host.ts';
import { Icon } from './icons.tsx';
import { Section } from './section.tsx';

interface Props {
  readonly diagnosis: Diagnosis;
  readonly proposals: readonly ProposalView[];
}

/** Latency over time with its turning points, as a chart or as the same numbers in a table. */
export function LatencySection({ diagnosis, proposals }: Props) {
  const data = useMemo(() => chartData(diagnosis, proposals), [diagnosis, proposals]);
  const [asTable, setAsTable] = useState(uiState().chartAsTable);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(() => new Set(uiState().hiddenSeries));
  if (data.points.length === 0) return null;
  const toggle = (name: SeriesName) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
    keep({ hiddenSeries: [...next] });
  };
  const aside = (
    <>
      {!asTable &&
        seriesNames.map((name) => (
          <button
            key={name}
            type="button"
            class="legend-item"
            aria-pressed={!hidden.has(name)}
            onClick={() => toggle(name)}
          >
            <i class={`line ${name}`} aria-hidden="true" />
            {name.toUpperCase()}
          </button>
        ))}
      <button
        type="button"
        class="icon-button"
        aria-label={asTable ? 'Show as chart' : 'Show as table'}
        title={asTable ? 'Show as chart' : 'Show as table'}
        onClick={() => {
          keep({ chartAsTable: !asTable });
          setAsTable(!asTable);
        }}
      >
        <Icon name={asTable ? 'chart' : 'table'} />
      </button>
    </>
  );
  return (
    <Section title="Latency over time" aside={aside}>
      {asTable ? <LatencyTable data={data} /> : <LatencyChart data={data} hidden={hidden} />}
    </Section>
  );
}

function LatencyChart({ data, hidden }: { readonly data: ChartData; readonly hidden: ReadonlySet<string> }) {
  const place = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ readonly index: number; readonly left: number } | null>(null);
  const drawing = useRedraw();
  // `drawing` stands for the size and the theme: a change of either draws anew.
  useEffect(() => {
    if (place.current === null) return;
    const plot = drawChart(place.current, data, hidden, setHover);
    return () => plot.destroy();
  }, [data, hidden, drawing]);
  const point = hover === null ? undefined : data.points[hover.index];
  return (
    <div class="chart">
      <div ref={place} class="chart-canvas" role="img" aria-label={spoken(data)} />
      {hover !== null && point !== undefined && <Tooltip point={point} left={hover.left} />}
    </div>
  );
}

function Tooltip({ point, left }: { readonly point: LatencyPoint; readonly left: number }) {
  const before = left > 260;
  return (
    <div
      class="chart-tooltip"
      aria-hidden="true"
      style={before ? { right: `calc(100% - ${left - 10}px)` } : { left: `${left + 10}px` }}
    >
      <strong>{timeOfDay(point.time)}</strong>
      {point.count > 0 &&
        seriesNames.toReversed().map((name) => (
          <span key={name}>
            <i class={`line ${name}`} /> {name.toUpperCase()} <b>{duration(point[name])}</b>
          </span>
        ))}
      <span class="dim">
        {count(point.count)} requests{point.errors > 0 ? `, ${count(point.errors)} failed` : ''}
      </span>
    </div>
  );
}

function LatencyTable({ data }: { readonly data: ChartData }) {
  return (
    // A long table scrolls by itself, and a region that scrolls must be reachable by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section class="table-scroll" tabIndex={0} aria-label="Latency, table">
      <table class="numbers wide">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {seriesNames.map((name) => (
              <th key={name} scope="col">
                {name.toUpperCase()}
              </th>
            ))}
            <th scope="col">Requests</th>
            <th scope="col">Failed</th>
            <th scope="col">Event</th>
          </tr>
        </thead>
        <tbody>
          {data.points.map((point, index) => {
            const next = data.points[index + 1]?.time ?? Number.POSITIVE_INFINITY;
            const events = data.marks.filter((m) => m.time >= point.time && m.time < next);
            return (
              <tr key={point.time}>
                <th scope="row">{timeOfDay(point.time)}</th>
                {seriesNames.map((name) => (
                  <td key={name}>{point.count === 0 ? '–' : duration(point[name])}</td>
                ))}
                <td>{count(point.count)}</td>
                <td>{count(point.errors)}</td>
                <td>{events.map((m) => m.label).join(', ')}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** The chart in a sentence, for those who do not see it. */
function spoken({ points, marks }: ChartData): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return 'No latency to show.';
  const events = marks.map((m) => `${m.label} at ${timeOfDay(m.time)}`).join(', ');
  return `P95 from ${duration(first.p95)} at ${timeOfDay(first.time)} to ${duration(last.p95)} at ${timeOfDay(last.time)}. ${events}`;
}

/** A number that changes when the window's size or the theme does. */
function useRedraw(): number {
  const [drawing, setDrawing] = useState(0);
  useEffect(() => {
    const redraw = () => setDrawing((n) => n + 1);
    const theme = new MutationObserver(redraw);
    // VS Code writes the theme's variables to the root and its name to the body.
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
    theme.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    window.addEventListener('resize', redraw);
    return () => {
      theme.disconnect();
      window.removeEventListener('resize', redraw);
    };
  }, []);
  return drawing;
}
