import type { ComparedValue, Diagnosis, EvidenceId } from '../workflow/messages.ts';
import { Citations } from './findings.tsx';
import { percent } from './format.ts';
import { Section } from './section.tsx';

/** A value comes from the telemetry and may be a text of any length; the evidence has more of it. */
const LONGEST_VALUE = 80;

/** What slow requests have in common that the others of the incident lack, the greatest difference first. */
export function Comparison({
  diagnosis,
  labels,
}: {
  readonly diagnosis: Diagnosis;
  readonly labels: ReadonlyMap<EvidenceId, string>;
}) {
  if (diagnosis.comparison.length === 0) return null;
  return (
    <Section title="What slow requests have in common">
      <table class="comparison">
        <caption class="sr-only">
          Values that slow requests have more often than the other requests of the same time
        </caption>
        <thead>
          <tr>
            <th scope="col">Attribute</th>
            <th scope="col">Value</th>
            <th scope="col" class="number">
              Of the slow
            </th>
            <th scope="col" class="number">
              Of the others
            </th>
            <th scope="col">
              <span class="sr-only">Evidence</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {diagnosis.comparison.map((compared) => (
            <ComparedRow key={compared.evidence} compared={compared} labels={labels} />
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function ComparedRow({
  compared: { attribute, value, shareSlow, shareOthers, evidence },
  labels,
}: {
  readonly compared: ComparedValue;
  readonly labels: ReadonlyMap<EvidenceId, string>;
}) {
  return (
    <tr>
      <th scope="row">{attribute}</th>
      <td class="compared-value" title={value ?? undefined}>
        {value === null ? <span class="dim">(none)</span> : shortened(value)}
      </td>
      <td class="number">
        <Share share={shareSlow} slow={true} />
      </td>
      <td class="number">
        <Share share={shareOthers} slow={false} />
      </td>
      <td>
        <Citations ids={[evidence]} labels={labels} />
      </td>
    </tr>
  );
}

function Share({ share, slow }: { readonly share: number; readonly slow: boolean }) {
  return (
    <>
      {percent(share)}
      <div class="compared-track" aria-hidden="true">
        <div class={`bar ${slow ? 'after grew' : 'before'}`} style={{ width: `${share * 100}%` }} />
      </div>
    </>
  );
}

function shortened(value: string): string {
  return value.length <= LONGEST_VALUE ? value : `${value.slice(0, LONGEST_VALUE - 1)}…`;
}
