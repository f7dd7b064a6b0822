import { type Cause, type Diagnosis, type Evidence, SIZING_KINDS, type Target } from './diagnosis.ts';
import { valueWords } from './reason/comparison.ts';
import { formatMs, formatShare, oneLine, QUANTITY } from './reason/evidence.ts';

export interface Narrative {
  readonly headline: string;
  readonly sentences: readonly string[];
}

const LONGEST_NAME = 120;
const LONGEST_SENTENCE = 600;
const MOST_GAPS = 3;
const MOST_RULED_OUT = 5;
const MOST_CHANGES = 2;
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
  // The same evidence may speak for two causes (traffic, and the processor that it fills): it is told once.
  const said = new Set<string>();
  for (const cause of diagnosis.causes.slice(0, 3))
    for (const sentence of causeSentences(diagnosis, cause)) said.add(sentence);
  sentences.push(...said);
  sentences.push(...comparisonSentence(diagnosis));
  if (diagnosis.verdict === 'infrastructure-is-not-the-cause') {
    sentences.push('A larger task would not make it faster, so no change of size is proposed.');
  }
  sentences.push(...ruledOutSentence(diagnosis));
  for (const gap of diagnosis.gaps.slice(0, MOST_GAPS))
    sentences.push(`Not known: ${name(gap.what)}. ${line(gap.why)}`);
  if (diagnosis.gaps.length > MOST_GAPS)
    sentences.push(`And ${diagnosis.gaps.length - MOST_GAPS} more gaps.`);
  return { headline: headline(diagnosis), sentences };
}

/** The newest deploys first: that is what people ask about before anything else. */
function ruledOutSentence({ ruledOut }: Diagnosis): readonly string[] {
  if (ruledOut.length === 0) return [];
  const changes = ruledOut.filter((one) => one.kind === 'change');
  const others = ruledOut.filter((one) => one.kind !== 'change');
  const ordered = [...changes.slice(0, MOST_CHANGES), ...others, ...changes.slice(MOST_CHANGES)];
  const more = ordered.length - MOST_RULED_OUT;
  const shown = ordered.slice(0, MOST_RULED_OUT).map((one) => line(one.reason));
  return [`Ruled out: ${shown.join(' ')}${more > 0 ? ` And ${more} more.` : ''}`];
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
      return isSlower(symptom)
        ? `Why ${operation} is slow can’t be told from what could be read`
        : `Whether anything is wrong with ${operation} can’t be told from what could be read`;
    case 'infrastructure-is-not-the-cause':
      return cause === undefined
        ? `The infrastructure is not why ${operation} is slow`
        : `The infrastructure is not the cause: ${subject(diagnosis, cause)}`;
    case 'cause':
      if (cause === undefined) return `${operation} is slow`;
      return cause.kind === 'errors' || !isSlower(symptom)
        ? `Something is wrong with ${operation}: ${subject(diagnosis, cause)}`
        : `${operation} is slow: ${subject(diagnosis, cause)}`;
  }
}

function symptomSentence(diagnosis: Diagnosis): string {
  const { symptom } = diagnosis;
  if (symptom === null) return '';
  const what = `P95 of ${name(symptom.operation)} in ${name(symptom.service)}`;
  if (symptom.p95Before === null) return `${what} is ${formatMs(symptom.p95After)}.`;
  const [before, after] = [formatMs(symptom.p95Before), formatMs(symptom.p95After)];
  if (symptom.onset === null) return `${what} is ${after}, ${before} before.`;
  const since = new Date(symptom.onset.time).toISOString();
  return `${what} went from ${before} to ${after} at about ${since.slice(0, 10)} ${since.slice(11, 19)} UTC.`;
}

/** Without a baseline whoever asked thinks so. */
function isSlower(symptom: Diagnosis['symptom']): boolean {
  return symptom === null || symptom.p95Before === null || symptom.p95After > symptom.p95Before;
}

function subject(diagnosis: Diagnosis, cause: Cause): string {
  const { target } = cause;
  const only = target.instance === undefined ? '' : `, on instance ${name(target.instance)} alone`;
  return `${whatIsWrong(diagnosis, cause)}${only}`;
}

function whatIsWrong(diagnosis: Diagnosis, cause: Cause): string {
  const { target, kind } = cause;
  const service = name(target.service);
  const cites = (quantity: string): boolean =>
    diagnosis.evidence.some(
      ({ id, numbers }) => cause.evidence.includes(id) && numbers.some((one) => one.name === quantity),
    );
  switch (kind) {
    case 'cpu':
    case 'throttling':
      return `${service} is out of CPU`;
    case 'memory':
      return `${service} has hardly any memory left`;
    case 'dependency':
      return `${name(target.dependency ?? target.operation ?? service)} answers slowly`;
    case 'application':
      if (cites(QUANTITY.callsNow))
        return `${name(target.operation ?? service)} makes more calls than before`;
      return `${name(target.operation ?? service)} itself takes longer`;
    case 'network':
      return `calls to and from ${service} take longer on the way`;
    case 'errors':
      if (cites(QUANTITY.spansLeft)) return `${service} sends no spans any more`;
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
    .map((one) => line(one.summary));
  const where =
    SIZING_KINDS.has(cause.kind) && cause.target.resource !== undefined
      ? ` The setting is ${cause.target.property ?? 'the size'} of ${name(cause.target.resource.split('::').at(-1) ?? '')}.`
      : '';
  return [`Cause: ${subject(diagnosis, cause)} (${sure}${share}).${where}`, ...said];
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
    target.instance,
    target.resource?.split('::').at(-1),
    target.property,
  ]
    .filter((part) => part !== undefined)
    .map(name)
    .join(' / ');
}

/** Names come from the telemetry: one line, and not endless. */
function name(text: string): string {
  return oneLine(text, LONGEST_NAME);
}

/** A sentence with such names in it. */
function line(text: string): string {
  return oneLine(text, LONGEST_SENTENCE);
}
