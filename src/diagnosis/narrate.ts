import { type Cause, type Diagnosis, type Evidence, SIZING_KINDS, type Target } from './diagnosis.ts';
import { valueWords } from './reason/comparison.ts';
import { formatMs, formatShare } from './reason/evidence.ts';

export interface Narrative {
  readonly headline: string;
  readonly sentences: readonly string[];
}

const LONGEST_NAME = 120;
const MOST_GAPS = 3;
/** Shares that lie closer together are left to the evidence: a sentence would promise more than they hold. */
const TELLING_DIFFERENCE = 0.25;

/**
 * The diagnosis for people: a headline and sentences, made from the structure alone. Plain text that holds names
 * from the telemetry: whoever renders it escapes it.
 */
export function narrate(diagnosis: Diagnosis): Narrative {
  const sentences: string[] = [];
  const { symptom } = diagnosis;
  if (symptom !== null) sentences.push(symptomSentence(diagnosis));
  for (const cause of diagnosis.causes.slice(0, 3)) sentences.push(...causeSentences(diagnosis, cause));
  sentences.push(...comparisonSentence(diagnosis));
  if (diagnosis.verdict === 'infrastructure-is-not-the-cause') {
    sentences.push('A larger task would not make it faster, so no change of size is proposed.');
  }
  const ruledOut = diagnosis.ruledOut.slice(0, 5).map((one) => one.reason);
  if (ruledOut.length > 0) sentences.push(`Ruled out: ${ruledOut.join(' ')}`);
  for (const gap of diagnosis.gaps.slice(0, MOST_GAPS))
    sentences.push(`Not known: ${name(gap.what)}. ${gap.why}`);
  if (diagnosis.gaps.length > MOST_GAPS)
    sentences.push(`And ${diagnosis.gaps.length - MOST_GAPS} more gaps.`);
  return { headline: headline(diagnosis), sentences };
}

/** The same in few words for models: what was found, how sure, and which evidence to read next. */
export function narrateForModel(diagnosis: Diagnosis): string {
  const causes = diagnosis.causes.map(
    (cause) =>
      `${cause.kind} of ${targetName(cause.target)} (confidence ${cause.confidence}` +
      `${cause.share === null ? '' : `, explains ${formatShare(cause.share)}`}; evidence ${cause.evidence.join(', ')})`,
  );
  const parts = [
    `${diagnosis.verdict}: ${headline(diagnosis)}`,
    causes.length === 0 ? 'No cause held.' : `Causes: ${causes.join('; ')}.`,
    `Ruled out: ${[...new Set(diagnosis.ruledOut.map((one) => one.kind))].join(', ') || 'nothing'}.`,
    ...comparisonSentence(diagnosis),
    `Gaps: ${diagnosis.gaps.length === 0 ? 'none' : diagnosis.gaps.map((gap) => name(gap.what)).join(', ')}.`,
  ];
  return parts.join(' ');
}

function headline(diagnosis: Diagnosis): string {
  const { symptom, verdict } = diagnosis;
  const [cause] = diagnosis.causes;
  const operation = symptom === null ? 'The service' : name(symptom.operation);
  switch (verdict) {
    case 'nothing-wrong':
      return symptom === null
        ? 'Nothing is wrong'
        : `Nothing is wrong: P95 of ${operation} is ${formatMs(symptom.p95After)}`;
    case 'undetermined':
      return `Why ${operation} is slow can’t be told from what could be read`;
    case 'infrastructure-is-not-the-cause':
      return cause === undefined
        ? `The infrastructure is not why ${operation} is slow`
        : `The infrastructure is not the cause: ${subject(cause)}`;
    case 'cause':
      return cause === undefined ? `${operation} is slow` : `${operation} is slow: ${subject(cause)}`;
  }
}

function symptomSentence(diagnosis: Diagnosis): string {
  const { symptom } = diagnosis;
  if (symptom === null) return '';
  const what = `P95 of ${name(symptom.operation)} in ${name(symptom.service)}`;
  if (symptom.p95Before === null || symptom.onset === null)
    return `${what} is ${formatMs(symptom.p95After)}.`;
  const since = new Date(symptom.onset.time).toISOString().slice(11, 19);
  return `${what} went from ${formatMs(symptom.p95Before)} to ${formatMs(symptom.p95After)} at about ${since} UTC.`;
}

function subject(cause: Cause): string {
  const { target, kind } = cause;
  const service = name(target.service);
  switch (kind) {
    case 'cpu':
    case 'throttling':
      return `${service} is out of CPU`;
    case 'memory':
      return `${service} is out of memory`;
    case 'dependency':
      return `${name(target.dependency ?? target.operation ?? service)} answers slowly`;
    case 'application':
      return `${name(target.operation ?? service)} itself takes longer`;
    case 'network':
      return `calls between ${service} and others take longer on the way`;
    case 'errors':
      return `${name(target.operation ?? service)} fails more often`;
    case 'traffic':
      return `${service} gets more requests than it can take`;
    case 'change':
      return `${service} was changed when it began`;
  }
}

function causeSentences(diagnosis: Diagnosis, cause: Cause): readonly string[] {
  const sure = `${Math.round(cause.confidence * 100)} % sure`;
  const share = cause.share === null ? '' : `, explains ${formatShare(cause.share)} of the slowdown`;
  const said = cause.evidence
    .map((id) => diagnosis.evidence.find((one) => one.id === id))
    .filter((one): one is Evidence => one !== undefined && one.kind !== 'latency')
    .map((one) => one.summary);
  const where =
    SIZING_KINDS.has(cause.kind) && cause.target.resource !== undefined
      ? ` The setting is ${cause.target.property ?? 'the size'} of ${name(cause.target.resource.split('::').at(-1) ?? '')}.`
      : '';
  return [`Cause: ${subject(cause)} (${sure}${share}).${where}`, ...said];
}

function comparisonSentence({ comparison, verdict }: Diagnosis): readonly string[] {
  const [first] = comparison;
  if (verdict === 'nothing-wrong' || first === undefined) return [];
  if (first.shareSlow - first.shareOthers < TELLING_DIFFERENCE) return [];
  const shares = [first.shareSlow, first.shareOthers].map(formatShare);
  return [`${shares[0]} of the slow requests have ${valueWords(first)}, ${shares[1]} of the others.`];
}

function targetName(target: Target): string {
  return [
    target.service,
    target.operation,
    target.dependency,
    target.resource?.split('::').at(-1),
    target.property,
  ]
    .filter((part) => part !== undefined)
    .map(name)
    .join(' / ');
}

/** Names come from the telemetry: one line, and not endless. */
function name(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= LONGEST_NAME ? line : `${line.slice(0, LONGEST_NAME - 1)}…`;
}
