import type { PreviewResult, PreviewStep, StepOperation } from '../workflow/messages.ts';
import { duration, plural } from './format.ts';

const verbs: { readonly [O in StepOperation]: string } = {
  create: 'create',
  update: 'update',
  replace: 'replace',
  delete: 'delete',
  same: 'unchanged',
  read: 'read',
  refresh: 'refresh',
  import: 'import',
  other: 'other',
};

/** What `pulumi preview` says would happen: each resource that changes, and its properties before and after. */
export function PreviewTable({ preview, open }: { readonly preview: PreviewResult; readonly open: boolean }) {
  const changing = preview.steps.filter((s) => s.operation !== 'same' && s.operation !== 'read');
  return (
    <details class="preview" open={open}>
      <summary>
        Preview: {summaryWords(preview)} <span class="dim">in {duration(preview.durationMs)}</span>
      </summary>
      {preview.needsTypedConfirmation && (
        <ul class="reasons">
          {preview.confirmationReasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <ul class="plain steps">
        {changing.map((step) => (
          <Step key={step.urn} step={step} />
        ))}
      </ul>
      {preview.diagnostics.length > 0 && (
        <ul class="plain diagnostics">
          {preview.diagnostics.map(({ severity, message }) => (
            <li key={message} class={severity}>
              {message}
            </li>
          ))}
        </ul>
      )}
      <p class="dim">
        {preview.binding === 'plan'
          ? 'The update is bound to this very plan: it stops if it would do anything else.'
          : 'The update is bound to this list of steps: it stops if a new preview differs.'}
      </p>
    </details>
  );
}

const VALUE_LENGTH = 300;

/** A policy or a script can be thousands of characters; the diff editor and the CLI show those better. */
function shortened(value: string | null): string {
  if (value === null) return '(none)';
  return value.length > VALUE_LENGTH ? `${value.slice(0, VALUE_LENGTH)}…` : value;
}

function Step({ step }: { readonly step: PreviewStep }) {
  return (
    <li class="step">
      <div class="step-head">
        <span class={`tag op ${step.operation}`}>{verbs[step.operation]}</span>
        <strong>{step.name}</strong> <span class="dim">{step.type.split(':').at(-1)}</span>
      </div>
      {step.properties.length > 0 && (
        <table class="properties">
          <caption class="sr-only">Properties of {step.name} that change</caption>
          <tbody>
            {step.properties.map((property) => (
              <tr key={property.path}>
                <th scope="row">
                  {property.path}
                  {property.replaces && <span class="forces"> forces replacement</span>}
                </th>
                <td>
                  <span class="value before">{shortened(property.before)}</span>
                  <span class="dim"> → </span>
                  <span class="value after">{shortened(property.after)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </li>
  );
}

/** "1 to replace, 1 to update, 9 unchanged". */
function summaryWords({ summary }: PreviewResult): string {
  const order: readonly StepOperation[] = [
    'delete',
    'replace',
    'create',
    'update',
    'import',
    'refresh',
    'other',
  ];
  const parts = order.flatMap((operation) => {
    const number = summary[operation] ?? 0;
    return number === 0 ? [] : [`${number} to ${verbs[operation]}`];
  });
  const same = summary.same ?? 0;
  if (parts.length === 0) return 'no changes';
  return same === 0 ? parts.join(', ') : `${parts.join(', ')}, ${plural(same, 'resource')} unchanged`;
}
