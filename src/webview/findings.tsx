import type { Cause, CauseKind, Diagnosis, EvidenceId, Gap } from '../workflow/messages.ts';
import { confidenceWord, percent, targetWords } from './format.ts';
import { send } from './host.ts';
import { Section } from './section.tsx';

type Labels = ReadonlyMap<EvidenceId, string>;

const kinds: { readonly [K in CauseKind]: string } = {
  cpu: 'CPU',
  memory: 'Memory',
  throttling: 'Throttling',
  network: 'Network',
  dependency: 'Dependency',
  application: 'Application',
  errors: 'Errors',
  traffic: 'Traffic',
  change: 'Change',
};

/** Causes, best first, each with its part of the slowdown and how sure it is. */
export function Causes({ diagnosis, labels }: { readonly diagnosis: Diagnosis; readonly labels: Labels }) {
  if (diagnosis.causes.length === 0) return null;
  return (
    <Section title={diagnosis.causes.length === 1 ? 'Cause' : 'Causes'}>
      <ol class="causes">
        {diagnosis.causes.map((cause) => (
          <CauseItem key={`${cause.kind} ${targetWords(cause.target)}`} cause={cause} labels={labels} />
        ))}
      </ol>
      {diagnosis.cascade.length > 1 && (
        <p class="cascade">
          <span class="dim">From cause to symptom: </span>
          {diagnosis.cascade.map(targetWords).join(' → ')}
        </p>
      )}
    </Section>
  );
}

function CauseItem({ cause, labels }: { readonly cause: Cause; readonly labels: Labels }) {
  const { resource } = cause.target;
  return (
    <li class="cause">
      <div class="cause-head">
        <span class="tag">{kinds[cause.kind]}</span>
        <span class="cause-target">{targetWords(cause.target)}</span>
      </div>
      {cause.share !== null && (
        <div class="share">
          <div class="share-track" aria-hidden="true">
            <div class="share-bar" style={{ width: `${Math.min(100, Math.max(0, cause.share * 100))}%` }} />
          </div>
          <span>explains {percent(cause.share)} of the slowdown</span>
        </div>
      )}
      <p class="cause-foot">
        <span title="How often answers as sure as this one are right">
          {confidenceWord(cause.confidence)} <span class="dim">({cause.confidence.toFixed(2)})</span>
        </span>
        <Citations ids={cause.evidence} labels={labels} />
        {resource !== undefined && (
          <button type="button" class="link" onClick={() => send({ type: 'openResource', urn: resource })}>
            Open its source
          </button>
        )}
      </p>
    </li>
  );
}

/** E1, E2…: each jumps to the evidence and opens it. */
export function Citations({ ids, labels }: { readonly ids: readonly EvidenceId[]; readonly labels: Labels }) {
  return (
    <span class="citations">
      {ids.map((id) => (
        <a
          key={id}
          class="citation"
          href={`#${id}`}
          aria-label={`Evidence ${labels.get(id) ?? id}`}
          onClick={(event) => {
            event.preventDefault();
            reveal(id);
          }}
        >
          {labels.get(id) ?? id}
        </a>
      ))}
    </span>
  );
}

function reveal(id: EvidenceId): void {
  const element = document.getElementById(id);
  if (!(element instanceof HTMLDetailsElement)) return;
  element.open = true;
  element.scrollIntoView({ block: 'nearest' });
  element.querySelector('summary')?.focus();
}

export function RuledOutList({
  diagnosis,
  labels,
}: {
  readonly diagnosis: Diagnosis;
  readonly labels: Labels;
}) {
  if (diagnosis.ruledOut.length === 0) return null;
  return (
    <Section title="Ruled out">
      <ul class="plain">
        {diagnosis.ruledOut.map((item) => (
          <li key={`${item.kind} ${targetWords(item.target)} ${item.reason}`} class="ruled-out">
            <span class="tag quiet">{kinds[item.kind]}</span>
            <span>
              <span class="dim">{targetWords(item.target)}: </span>
              {item.reason} <Citations ids={item.evidence} labels={labels} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function Gaps({ gaps }: { readonly gaps: readonly Gap[] }) {
  if (gaps.length === 0) return null;
  return (
    <Section title="Not known">
      <ul class="plain">
        {gaps.map((gap) => (
          <li key={gap.what} class="gap">
            <p>
              <strong>{gap.what}</strong> {gap.why}
            </p>
            <p class="dim">{gap.nextStep}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
