import type { Cause, Diagnosis, Evidence, Quantity, Target } from '../src/diagnosis/diagnosis.ts';
import type { Proposal } from '../src/remediation/proposal.ts';

/** What `--json` prints: exactly one object, for programs. */
export function jsonReport(
  lab: { readonly scenario: string; readonly faultyInstance: string | undefined },
  diagnosis: Diagnosis,
  proposal: Proposal | null,
) {
  return {
    scenario: lab.scenario,
    // What the engine cannot know: for comparing its answer with.
    ...(lab.faultyInstance === undefined ? {} : { faultyInstance: lab.faultyInstance }),
    verdict: diagnosis.verdict,
    causes: diagnosis.causes,
    ruledOut: diagnosis.ruledOut,
    gaps: diagnosis.gaps,
    evidence: diagnosis.evidence,
    ...(proposal
      ? {
          patch: {
            id: proposal.id,
            title: proposal.title,
            changes: proposal.changes,
            edits: proposal.edits,
            diff: proposal.diff,
            cost: proposal.cost,
            expected: proposal.expected,
            risk: proposal.risk,
          },
        }
      : {}),
    requests: diagnosis.requests,
  };
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const paint = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const plain = (text: string) => text;

/** Colours only where somebody looks at a terminal and has not said no (https://no-color.org). */
export function styleFor(stream: NodeJS.WriteStream): Style {
  return stream.isTTY && !process.env['NO_COLOR']
    ? { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32) }
    : { bold: plain, dim: plain, red: plain, green: plain };
}

/** The diagnosis for a person at a terminal. */
export function textReport(
  diagnosis: Diagnosis,
  narrative: { headline: string; sentences: readonly string[] },
  proposal: Proposal | null,
  style: Style,
): string {
  const blocks = [
    `${style.bold(printable(narrative.headline))}\n${narrative.sentences.map((text) => `  ${printable(text)}`).join('\n')}`,
    causesBlock(diagnosis, style),
    list(
      'Ruled out',
      diagnosis.ruledOut.map((item) => printable(`${item.kind}: ${item.reason}`)),
      style,
    ),
    list(
      'Not known',
      diagnosis.gaps.map((gap) => printable(`${gap.what}: ${gap.why} ${gap.nextStep}`)),
      style,
    ),
    list(
      'Evidence',
      diagnosis.evidence.map((item) => `${style.dim(item.id)}  ${printable(evidenceLine(item))}`),
      style,
    ),
    proposal ? patchBlock(proposal, style) : '',
    style.dim(`${diagnosis.requests} query results were asked for.`),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function causesBlock(diagnosis: Diagnosis, style: Style): string {
  return list(
    'Causes',
    diagnosis.causes.map((cause) =>
      printable(`${cause.kind} in ${targetText(cause.target)} — ${causeFigures(cause)}`),
    ),
    style,
  );
}

function causeFigures(cause: Cause): string {
  const share = cause.share === null ? '' : `explains ${Math.round(cause.share * 100)} % of the slowdown, `;
  return `${share}confidence ${cause.confidence.toFixed(2)} (${cause.evidence.join(', ')})`;
}

function targetText(target: Target): string {
  const parts = [target.service, target.operation, target.dependency, target.instance].filter(
    (part): part is string => part !== undefined,
  );
  const resource = target.resource?.split('::').at(-1);
  return `${parts.join(' › ')}${resource ? ` (${resource}${target.property ? `.${target.property}` : ''})` : ''}`;
}

function evidenceLine(item: Evidence): string {
  const figures = item.numbers.map(quantityText).join(', ');
  return figures === '' ? item.summary : `${item.summary} [n ${item.n}]`;
}

export function quantityText(quantity: Quantity): string {
  return `${quantity.name} ${Number(quantity.value.toPrecision(3))} ${quantity.unit}`;
}

function patchBlock(proposal: Proposal, style: Style): string {
  const cost = proposal.cost
    ? `  Cost a month: $${proposal.cost.before.toFixed(2)} → $${proposal.cost.after.toFixed(2)} (${proposal.cost.basis})\n`
    : '';
  const diff = proposal.diff
    .split('\n')
    .map((line) => {
      const text = `  ${printable(line)}`;
      if (line.startsWith('+') && !line.startsWith('+++')) return style.green(text);
      if (line.startsWith('-') && !line.startsWith('---')) return style.red(text);
      return text;
    })
    .join('\n');
  const reasons = proposal.expected.reasoning.map((text) => `  ${printable(text)}`).join('\n');
  return `${style.bold(`Proposed: ${printable(proposal.title)}`)}\n${reasons}\n${cost}${diff}`;
}

function list(title: string, lines: readonly string[], style: Style): string {
  return lines.length === 0 ? '' : `${style.bold(title)}\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** Names come from telemetry: a terminal must not take orders from them. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be kept out
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�');
}
