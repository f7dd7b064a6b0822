import type { Diagnosis, OperationShare } from '../workflow/messages.ts';
import { duration } from './format.ts';
import { Section } from './section.tsx';

/** A call more or less by this much is worth the eye. */
const CALLS_GREW = 1.5;

/** Where a request's time goes: each operation's own time per request, before and after, in the order of the calls. */
export function Breakdown({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  const { operations } = diagnosis;
  if (operations.length === 0) return null;
  const longest = Math.max(...operations.flatMap((o) => [o.exclusiveBefore ?? 0, o.exclusiveAfter]), 1);
  const compared = operations.some((o) => o.exclusiveBefore !== null);
  return (
    <Section
      title="Time per request, by operation"
      aside={
        compared ? (
          <span class="key" aria-hidden="true">
            <i class="swatch before" /> before <i class="swatch after" /> now
          </span>
        ) : undefined
      }
    >
      <table class="breakdown">
        <caption class="sr-only">
          Own time of each operation per request, without the time of the operations it calls
        </caption>
        <thead>
          <tr>
            <th scope="col">Operation</th>
            <th scope="col">Own time per request</th>
            <th scope="col" class="number">
              Calls
            </th>
            <th scope="col" class="number">
              P95
            </th>
          </tr>
        </thead>
        <tbody>
          {operations.map((operation, index) => (
            <OperationRow
              key={`${operation.service} ${operation.parentOperation} ${operation.operation}`}
              operation={operation}
              service={operation.service !== operations[index - 1]?.service}
              longest={longest}
            />
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function OperationRow({
  operation,
  service,
  longest,
}: {
  readonly operation: OperationShare;
  /** Whether the service is worth naming: it changes here. */
  readonly service: boolean;
  readonly longest: number;
}) {
  const { exclusiveBefore, exclusiveAfter, callsPerRequestBefore, callsPerRequestAfter } = operation;
  const grew = exclusiveBefore === null ? 0 : exclusiveAfter - exclusiveBefore;
  const moreCalls =
    callsPerRequestBefore !== null && callsPerRequestAfter / callsPerRequestBefore >= CALLS_GREW;
  return (
    <tr>
      <th scope="row">
        <span class="operation" style={{ paddingInlineStart: `${Math.min(operation.depth, 8) * 14}px` }}>
          {operation.depth > 0 && (
            <span class="branch" aria-hidden="true">
              └
            </span>
          )}
          <span class="operation-name" title={`${operation.service} · ${operation.operation}`}>
            {operation.operation}
            {service && <span class="operation-service"> {operation.service}</span>}
          </span>
        </span>
      </th>
      <td class="own">
        <div class="bars" aria-hidden="true">
          {exclusiveBefore !== null && (
            <div class="bar before" style={{ width: `${(exclusiveBefore / longest) * 100}%` }} />
          )}
          <div
            class={`bar after ${grew > longest * 0.1 ? 'grew' : ''}`}
            style={{ width: `${(exclusiveAfter / longest) * 100}%` }}
          />
        </div>
        <span class="own-words">
          {exclusiveBefore !== null && <span class="dim">{duration(exclusiveBefore)} → </span>}
          {duration(exclusiveAfter)}
        </span>
      </td>
      <td class={`number ${moreCalls ? 'grew-text' : ''}`}>
        {callsPerRequestBefore !== null && moreCalls && (
          <span class="dim">{callsPerRequestBefore.toFixed(1)} → </span>
        )}
        {callsPerRequestAfter.toFixed(1)}
      </td>
      <td class="number">{duration(operation.p95After)}</td>
    </tr>
  );
}
