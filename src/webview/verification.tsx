import type { LatencySummary, Verification, VerificationVerdict } from '../workflow/messages.ts';
import { change, count, duration, timeOfDay } from './format.ts';
import { Icon, type IconName } from './icons.tsx';

const verdicts: { readonly [V in VerificationVerdict]: { readonly word: string; readonly icon: IconName } } =
  {
    improved: { word: 'It helped', icon: 'check' },
    unchanged: { word: 'It made no difference', icon: 'minus' },
    worse: { word: 'It got worse', icon: 'alert' },
    undetermined: { word: 'Too little to judge by', icon: 'question' },
  };

type Row = readonly [
  name: string,
  of: (summary: LatencySummary) => number,
  words: (value: number) => string,
  kind: 'latency' | 'plain',
];

const rows: readonly Row[] = [
  ['P50', (s) => s.p50, duration, 'latency'],
  ['P95', (s) => s.p95, duration, 'latency'],
  ['P99', (s) => s.p99, duration, 'latency'],
  ['Requests', (s) => s.count, count, 'plain'],
  ['Requests a second', (s) => s.rate, (v) => v.toFixed(1), 'plain'],
  ['Failed', (s) => s.errors, count, 'plain'],
];

/** Latency before and after the deployment, measured the same way. */
export function VerificationTable({ verification }: { readonly verification: Verification }) {
  const { before, after, verdict, deployedAt, windowSeconds, sameLoad, notes } = verification;
  const { word, icon } = verdicts[verdict];
  return (
    <div class="verification">
      <p class={`verification-verdict ${verdict}`}>
        <Icon name={icon} />
        <span>
          {word}
          {before !== null && after !== null && (
            <>
              : P95 {duration(before.p95)} → {duration(after.p95)} ({change(before.p95, after.p95)})
            </>
          )}
          {sameLoad === true && ' under the same load'}
          {sameLoad === false && ', but the load was not the same'}
        </span>
      </p>
      <table class="numbers wide">
        <caption>
          Up to {windowSeconds} s before and after the deployment at {timeOfDay(deployedAt)}
        </caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="sr-only">Measure</span>
            </th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, of, words, kind]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{before === null ? '–' : words(of(before))}</td>
              <td>{after === null ? '–' : words(of(after))}</td>
              <td class={kind === 'latency' ? tone(before && of(before), after && of(after)) : ''}>
                {before === null || after === null ? '–' : change(of(before), of(after))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {notes.map((note) => (
        <p key={note} class="dim">
          {note}
        </p>
      ))}
    </div>
  );
}

/** Less than a tenth either way is no news. */
function tone(before: number | null, after: number | null): string {
  if (before === null || after === null || before === 0) return '';
  const ratio = after / before;
  return ratio < 0.9 ? 'good-text' : ratio > 1.1 ? 'bad-text' : '';
}
