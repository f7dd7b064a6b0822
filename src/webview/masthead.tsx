import type { Diagnosis, PanelState, Verdict } from '../workflow/messages.ts';
import { duration, factor, plural, timeOfDay } from './format.ts';
import { send } from './host.ts';
import { Icon, type IconName } from './icons.tsx';

const verdicts: { readonly [V in Verdict]: { readonly word: string; readonly icon: IconName } } = {
  cause: { word: 'Cause found', icon: 'alert' },
  'nothing-wrong': { word: 'Nothing wrong', icon: 'check' },
  'infrastructure-is-not-the-cause': { word: 'Not the infrastructure', icon: 'minus' },
  undetermined: { word: 'Undetermined', icon: 'question' },
};

/** The answer in one look: verdict, headline, the sentences behind it, and the figures. */
export function Masthead({ state }: { readonly state: PanelState }) {
  const { diagnosis, narrative, problem, phase } = state;
  const running = phase === 'diagnosing';
  return (
    <header class="masthead">
      <div class="masthead-top">
        {diagnosis !== null && !running && <VerdictBadge verdict={diagnosis.verdict} />}
        {running && <span class="badge running">Diagnosing</span>}
        {diagnosis?.symptom && (
          <span class="subject">
            {diagnosis.symptom.service} <span class="dim">·</span> {diagnosis.symptom.operation}
          </span>
        )}
        {(diagnosis !== null || problem !== null) && (
          <span class="masthead-actions">
            {running ? (
              <button type="button" class="button secondary" onClick={() => send({ type: 'cancel' })}>
                Cancel
              </button>
            ) : (
              <button type="button" class="button secondary" onClick={() => send({ type: 'diagnose' })}>
                Diagnose again
              </button>
            )}
          </span>
        )}
      </div>
      <Headline state={state} />
      {narrative !== null && <Sentences sentences={narrative.sentences} />}
      {diagnosis !== null && <Facts diagnosis={diagnosis} state={state} />}
      {problem !== null && <ProblemBox problem={problem} />}
    </header>
  );
}

function Headline({ state: { narrative, phase } }: { readonly state: PanelState }) {
  if (narrative !== null) return <h1>{narrative.headline}</h1>;
  if (phase === 'diagnosing') return <h1>Looking for the cause</h1>;
  return phase === 'failed' ? <h1>The diagnosis came to no answer</h1> : null;
}

/** The first say it; the others say again, in words, what the parts below show. */
const SENTENCES_SHOWN = 2;

function Sentences({ sentences }: { readonly sentences: readonly string[] }) {
  const rest = sentences.slice(SENTENCES_SHOWN);
  const paragraphs = (some: readonly string[]) => some.map((sentence) => <p key={sentence}>{sentence}</p>);
  return (
    <div class="sentences">
      {paragraphs(sentences.slice(0, SENTENCES_SHOWN))}
      {rest.length > 0 && (
        <details>
          <summary>All of it in words</summary>
          {paragraphs(rest)}
        </details>
      )}
    </div>
  );
}

function VerdictBadge({ verdict }: { readonly verdict: Verdict }) {
  const { word, icon } = verdicts[verdict];
  return (
    <span class={`badge ${verdict}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

function Facts({ diagnosis, state }: { readonly diagnosis: Diagnosis; readonly state: PanelState }) {
  const { symptom } = diagnosis;
  return (
    <dl class="facts">
      {symptom !== null && (
        <div>
          <dt>P95</dt>
          <dd>
            {symptom.p95Before !== null && <span class="dim">{duration(symptom.p95Before)} → </span>}
            <strong>{duration(symptom.p95After)}</strong>
            {symptom.p95Before !== null && (
              <span class="dim"> ({factor(symptom.p95Before, symptom.p95After)})</span>
            )}
          </dd>
        </div>
      )}
      {symptom?.onset && (
        <div>
          <dt>Since</dt>
          <dd>
            <strong>{timeOfDay(symptom.onset.time)}</strong>
            <span class="dim"> ± {Math.ceil((symptom.onset.latest - symptom.onset.earliest) / 2000)} s</span>
          </dd>
        </div>
      )}
      <div>
        <dt>Asked</dt>
        <dd>{plural(diagnosis.requests, 'query result')}</dd>
      </div>
      <Sources sources={state.sources} />
    </dl>
  );
}

/** What was asked, as far as it is known already. */
function Sources({ sources }: { readonly sources: PanelState['sources'] }) {
  const named = [
    ['Telemetry', sources.telemetry],
    ['Metrics', sources.metrics],
    ['Stack', sources.stack],
  ] as const;
  return (
    <>
      {named
        .filter(([, value]) => value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </>
  );
}

export function ProblemBox({
  problem,
}: {
  readonly problem: { readonly message: string; readonly nextStep: string };
}) {
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <div>
        <p class="problem-message">{problem.message}</p>
        <p>{problem.nextStep}</p>
      </div>
    </div>
  );
}

/** A line that moves while something runs, and its words for those who can't see it. */
export function Progress({ state }: { readonly state: PanelState }) {
  const progress = state.progress;
  const percent = progress?.fraction == null ? null : Math.round(progress.fraction * 100);
  return (
    <div class="progress" data-active={progress !== null}>
      {progress !== null && (
        <div
          class={`progress-line ${percent === null ? 'indeterminate' : ''}`}
          role="progressbar"
          aria-label={progress.label}
          {...(percent === null
            ? {}
            : { 'aria-valuenow': percent, 'aria-valuemin': 0, 'aria-valuemax': 100 })}
        >
          <div class="progress-bar" style={percent === null ? {} : { width: `${percent}%` }} />
        </div>
      )}
      <p class="progress-label" aria-live="polite">
        {progress?.label ?? ''}
      </p>
    </div>
  );
}

/** What to do first, when nothing was asked yet (or the asking failed). */
export function Idle({ state }: { readonly state: PanelState }) {
  const failed = state.phase === 'failed';
  return (
    <div class="idle">
      {!failed && (
        <>
          <h1>Why is it slow?</h1>
          <p>
            Plumbline compares the spans of your services before and after latency changed, looks at the
            machines they run on and at what was deployed, and says what it found, with the query behind each
            claim. Where a change of your Pulumi program would help, it proposes one. Nothing runs or changes
            until you approve it.
          </p>
        </>
      )}
      <div class="buttons">
        <button type="button" class="button" onClick={() => send({ type: 'diagnose' })}>
          {failed ? 'Try again' : 'Diagnose latency'}
        </button>
        <button type="button" class="button secondary" onClick={() => send({ type: 'openSettings' })}>
          Settings
        </button>
      </div>
      <dl class="facts">
        <Sources sources={state.sources} />
      </dl>
    </div>
  );
}
