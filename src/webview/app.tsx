import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PanelState } from '../workflow/messages.ts';
import { Breakdown } from './breakdown.tsx';
import { Comparison } from './comparison.tsx';
import { EvidenceList } from './evidence.tsx';
import { Causes, Gaps, RuledOutList } from './findings.tsx';
import { evidenceLabels } from './format.ts';
import { LatencySection } from './latency.tsx';
import { Idle, Masthead, Progress } from './masthead.tsx';
import { ProposalCard } from './proposal.tsx';

/** From here on the answer and what to do about it stand beside the chart, not below it. */
const WIDE = '(min-width: 940px)';

export function App({ state }: { readonly state: PanelState }) {
  const wide = useMedia(WIDE);
  const { diagnosis, proposals } = state;
  const labels = evidenceLabels(diagnosis ?? { evidence: [] });
  const cards = proposals.map((view, index) => (
    <ProposalCard key={view.proposal.id} view={view} busy={state.progress !== null} expanded={index === 0} />
  ));
  const chart = diagnosis && <LatencySection key="chart" diagnosis={diagnosis} proposals={proposals} />;
  const causes = diagnosis && <Causes key="causes" diagnosis={diagnosis} labels={labels} />;
  const breakdown = diagnosis && <Breakdown key="breakdown" diagnosis={diagnosis} />;
  const comparison = diagnosis && <Comparison key="comparison" diagnosis={diagnosis} labels={labels} />;
  const evidence = diagnosis && <EvidenceList key="evidence" diagnosis={diagnosis} labels={labels} />;
  const ruledOut = diagnosis && <RuledOutList key="ruledOut" diagnosis={diagnosis} labels={labels} />;
  const gaps = diagnosis && <Gaps key="gaps" gaps={diagnosis.gaps} />;
  return (
    <>
      <Progress state={state} />
      <Masthead state={state} />
      {diagnosis === null && state.phase !== 'diagnosing' && <Idle state={state} />}
      {wide && diagnosis !== null ? (
        <div class="columns">
          <Column>
            {chart}
            {breakdown}
            {comparison}
            {evidence}
          </Column>
          <Column>
            {causes}
            {cards}
            {ruledOut}
            {gaps}
          </Column>
        </div>
      ) : (
        <Column>
          {chart}
          {causes}
          {cards}
          {breakdown}
          {comparison}
          {ruledOut}
          {evidence}
          {gaps}
        </Column>
      )}
    </>
  );
}

function Column({ children }: { readonly children: ComponentChildren }) {
  return <div class="column">{children}</div>;
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const update = () => setMatches(media.matches);
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, [query]);
  return matches;
}
