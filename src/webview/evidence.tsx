import type { Diagnosis, Evidence, EvidenceId, EvidenceSource } from '../workflow/messages.ts';
import { count, plural, quantity, resourceName, targetWords, windowWords } from './format.ts';
import { keep, send, uiState } from './host.ts';
import { Section } from './section.tsx';

/** Everything that a claim rests on; each piece opens to its numbers, its window and the query that gave it. */
export function EvidenceList({
  diagnosis,
  labels,
}: {
  readonly diagnosis: Diagnosis;
  readonly labels: ReadonlyMap<EvidenceId, string>;
}) {
  if (diagnosis.evidence.length === 0) return null;
  return (
    <Section title="Evidence" aside={<span class="dim">{plural(diagnosis.evidence.length, 'piece')}</span>}>
      <div class="evidence-list">
        {diagnosis.evidence.map((evidence) => (
          <EvidenceItem key={evidence.id} evidence={evidence} label={labels.get(evidence.id) ?? ''} />
        ))}
      </div>
    </Section>
  );
}

function EvidenceItem({ evidence, label }: { readonly evidence: Evidence; readonly label: string }) {
  return (
    <details
      class="evidence"
      id={evidence.id}
      open={uiState().openEvidence.includes(evidence.id)}
      onToggle={(event) => remember(evidence.id, event.currentTarget.open)}
    >
      <summary>
        <span class="citation">{label}</span>
        <span class="evidence-summary">{evidence.summary}</span>
        <span class="evidence-n">n = {count(evidence.n)}</span>
      </summary>
      <div class="evidence-body">
        <table class="numbers">
          <caption class="sr-only">Numbers of {label}</caption>
          <tbody>
            {evidence.numbers.map((number) => (
              <tr key={number.name}>
                <th scope="row">{number.name}</th>
                <td>{quantity(number)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <dl class="evidence-facts">
          <dt>About</dt>
          <dd>{targetWords(evidence.subject)}</dd>
          <dt>Window</dt>
          <dd>{windowWords(evidence.window)}</dd>
          {evidence.baseline !== undefined && (
            <>
              <dt>Compared with</dt>
              <dd>{windowWords(evidence.baseline)}</dd>
            </>
          )}
          <dt>Source</dt>
          <dd>{sourceWords(evidence.source)}</dd>
          <dt>Id</dt>
          <dd class="code">{evidence.id}</dd>
        </dl>
        {evidence.source.from !== 'stack' && (
          <pre class="query">{JSON.stringify(evidence.source.query, null, 2)}</pre>
        )}
        <button
          type="button"
          class="link"
          onClick={() => send({ type: 'openEvidence', evidenceId: evidence.id })}
        >
          {openWords(evidence.source)}
        </button>
      </div>
    </details>
  );
}

function remember(id: EvidenceId, open: boolean): void {
  const others = uiState().openEvidence.filter((other) => other !== id);
  keep({ openEvidence: open ? [...others, id] : others });
}

const PAGES: { readonly [F in EvidenceSource['from']]: string } = {
  telemetry: 'Open in Honeycomb',
  metrics: 'Open in CloudWatch',
  stack: 'Open in Pulumi Cloud',
};

/** Where there is no page of the source's own, the query and its numbers open as a document. */
function openWords(source: EvidenceSource): string {
  return source.url?.startsWith('https://') === true ? PAGES[source.from] : 'Open as a document';
}

function sourceWords(source: EvidenceSource): string {
  switch (source.from) {
    case 'telemetry':
      return `${source.store}, ${source.dataset === '__all__' ? 'all datasets' : `dataset ${source.dataset}`}`;
    case 'metrics':
      return `${source.store}, ${source.region}`;
    case 'stack':
      return source.urn === undefined
        ? `stack ${source.stack}`
        : `stack ${source.stack}, ${resourceName(source.urn)}`;
  }
}
