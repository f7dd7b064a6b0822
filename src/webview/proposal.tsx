import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Proposal, ProposalState, ProposalView } from '../workflow/messages.ts';
import { Diff } from './diff.tsx';
import { change, dollars, duration, plural, resourceName } from './format.ts';
import { send } from './host.ts';
import { Icon } from './icons.tsx';
import { ProblemBox } from './masthead.tsx';
import { PreviewTable } from './preview.tsx';
import { Section } from './section.tsx';
import { Stepper } from './stepper.tsx';
import { VerificationTable } from './verification.tsx';

const ENDED: ReadonlySet<ProposalState> = new Set(['rejected', 'expired', 'rolled-back']);

/** One proposed change: what it is, what it is good for, what it costs, where it stands, and what can be done next. */
export function ProposalCard({
  view,
  busy,
  expanded,
}: {
  readonly view: ProposalView;
  readonly busy: boolean;
  readonly expanded: boolean;
}) {
  const { proposal, state } = view;
  const ended = ENDED.has(state);
  const body = (
    <>
      <h3 class="proposal-title">{proposal.title}</h3>
      {proposal.origin.by === 'mcp' && (
        <p class="dim">
          Proposed by {proposal.origin.client} through MCP. Read it as you would a stranger’s patch.
        </p>
      )}
      <Stepper state={state} reached={reached(view)} />
      <Status view={view} />
      {view.verification !== null && <VerificationTable verification={view.verification} />}
      {view.preview !== null && <PreviewTable preview={view.preview} open={state === 'previewed'} />}
      <Effects proposal={proposal} />
      <Change proposal={proposal} open={state === 'proposed'} />
      <Buttons view={view} busy={busy} />
    </>
  );
  const title = view.proposal.origin.by === 'mcp' ? 'Proposed by an assistant' : 'Proposed change';
  return (
    <Section title={title} class={`proposal ${ended ? 'ended' : ''}`} aside={<Risk proposal={proposal} />}>
      {expanded && !ended ? (
        body
      ) : (
        <details class="folded">
          <summary>
            {proposal.title} <span class="dim">({state})</span>
          </summary>
          {body}
        </details>
      )}
    </Section>
  );
}

function Risk({ proposal }: { readonly proposal: Proposal }) {
  const { level, reasons } = proposal.risk;
  return (
    <span class={`tag risk ${level}`} title={reasons.join('\n')}>
      {level} risk
    </span>
  );
}

/** How far a proposal came, where its state alone does not say (it failed or expired on the way). */
function reached(view: ProposalView): ProposalState {
  if (view.state !== 'failed' && view.state !== 'expired' && view.state !== 'rejected') return view.state;
  if (view.deployedAt !== null) return 'applied';
  if (view.filesStand) return 'confirmed';
  if (view.preview !== null) return 'previewed';
  return 'proposed';
}

/** What is going on or what went wrong. */
function Status({ view }: { readonly view: ProposalView }) {
  return (
    <div class="status" aria-live="polite">
      {view.progress !== null && (
        <p class="status-line">
          <span class="spinner" aria-hidden="true" />
          {view.progress.label}
          {view.progress.fraction !== null && (
            <span class="dim"> {Math.round(view.progress.fraction * 100)} %</span>
          )}
        </p>
      )}
      {view.rollout !== null && view.state !== 'verified' && <p class="status-line dim">{view.rollout}</p>}
      {view.problem !== null && <ProblemBox problem={view.problem} />}
      {view.state === 'previewed' && view.approvalExpiresAt !== null && (
        <Expiry at={view.approvalExpiresAt} />
      )}
      {view.state === 'expired' && view.problem === null && (
        <p>The approval expired unused. Review it again to go on.</p>
      )}
      {view.state === 'rejected' && view.problem === null && (
        <p class="dim">{view.filesStand ? 'Rejected.' : 'Rejected. Nothing was changed.'}</p>
      )}
      {view.state === 'failed' && view.filesStand && (
        <p>The program’s files hold this change. Roll back to take it out again.</p>
      )}
      {view.state === 'applied' && view.progress === null && <p class="dim">Applied, not verified yet.</p>}
    </div>
  );
}

function Expiry({ at }: { readonly at: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.ceil((at - now) / 60_000);
  return (
    <p class="dim" aria-live="off">
      {minutes > 0
        ? `Your approval holds for ${plural(minutes, 'more minute')}.`
        : 'Your approval has just expired.'}
    </p>
  );
}

function Effects({ proposal }: { readonly proposal: Proposal }) {
  const { changes, expected, cost, rationale } = proposal;
  // What a model says of its own change is its word; what a diagnosis says was worked out here.
  const claim = proposal.origin.by === 'mcp' ? ' (the assistant’s claim)' : '';
  return (
    <>
      <dl class="effects">
        {changes.map((c) => (
          <Effect key={`${c.urn} ${c.property}`} name={`${resourceName(c.urn)} · ${c.property}`}>
            <span class="dim">{c.before} → </span>
            <strong>{c.after}</strong>
          </Effect>
        ))}
        {expected.p95After !== null && (
          <Effect name={`Expected P95${claim}`}>
            <span class="dim">{duration(expected.p95Before)} → </span>
            <strong>{duration(expected.p95After)}</strong>
            <span class="dim"> ({change(expected.p95Before, expected.p95After)})</span>
          </Effect>
        )}
        {cost !== null && (
          <Effect name={`Cost a month${claim}`}>
            <span class="dim">{dollars(cost.before)} → </span>
            <strong>{dollars(cost.after)}</strong>
            <span class="dim"> ({difference(cost.after - cost.before)})</span>
          </Effect>
        )}
      </dl>
      <details class="reasoning">
        <summary>Why this, and what it rests on</summary>
        <ul>
          {[...rationale, ...expected.reasoning].map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
          {cost !== null && <li>{cost.basis}</li>}
          {proposal.risk.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </details>
    </>
  );
}

/** The diff in full while it is to be decided on; afterwards it is a click away. */
function Change({ proposal, open }: { readonly proposal: Proposal; readonly open: boolean }) {
  if (open) return <Diff text={proposal.diff} />;
  return (
    <details class="reasoning">
      <summary>The change as a diff</summary>
      <Diff text={proposal.diff} />
    </details>
  );
}

function Effect({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function difference(amount: number): string {
  return `${amount < 0 ? '−' : '+'}${dollars(Math.abs(amount))}`;
}

function Buttons({ view, busy }: { readonly view: ProposalView; readonly busy: boolean }) {
  const { state } = view;
  const proposalId = view.proposal.id;
  const review = (primary: boolean, words: string) => (
    <button
      type="button"
      class={`button ${primary ? '' : 'secondary'}`}
      onClick={() => send({ type: 'openDiff', proposalId })}
    >
      {words}
    </button>
  );
  const discard = (
    <button type="button" class="button secondary" onClick={() => send({ type: 'discard', proposalId })}>
      Discard
    </button>
  );
  const rollBack = (
    <button type="button" class="button secondary" onClick={() => send({ type: 'rollBack', proposalId })}>
      Roll back…
    </button>
  );
  switch (state) {
    case 'proposed':
      return (
        <div class="buttons">
          {review(true, 'Review change')}
          {discard}
        </div>
      );
    case 'previewed':
      return (
        <div class="buttons">
          <button
            type="button"
            class="button"
            disabled={busy}
            onClick={() => send({ type: 'confirm', proposalId })}
          >
            <Icon name="arrow" />
            Apply…
          </button>
          {discard}
        </div>
      );
    case 'expired':
    case 'failed':
      return (
        <div class="buttons">
          {view.filesStand ? rollBack : review(true, 'Review again')}
          {!view.filesStand && discard}
        </div>
      );
    case 'applied':
      return (
        <div class="buttons">
          <button
            type="button"
            class="button"
            disabled={view.progress !== null}
            onClick={() => send({ type: 'verify', proposalId })}
          >
            Verify
          </button>
          {rollBack}
        </div>
      );
    case 'verified':
      return <div class="buttons">{rollBack}</div>;
    case 'approved':
    case 'previewing':
    case 'confirmed':
    case 'applying':
      return (
        <div class="buttons">
          <button type="button" class="button secondary" onClick={() => send({ type: 'cancel' })}>
            Cancel
          </button>
        </div>
      );
    case 'rejected':
    case 'rolled-back':
      return null;
  }
}
