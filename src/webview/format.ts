import type { Diagnosis, Quantity, Target } from '../workflow/messages.ts';

/** Numbers, times and names as the panel writes them. */

const NOTHING = '–';

/** Milliseconds for reading: "0.4 ms", "640 ms", "1.24 s". */
export function duration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return NOTHING;
  const size = Math.abs(ms);
  if (size >= 60_000) return `${(ms / 60_000).toFixed(1)} min`;
  if (size >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (size >= 10 || size === 0) return `${Math.round(ms)} ms`;
  if (ms > 0 && ms < 0.05) return '<0.1 ms';
  return `${ms.toFixed(1)} ms`;
}

/** "2.4×", or nothing where there is no base. */
export function factor(before: number | null, after: number | null): string {
  if (before === null || after === null || before <= 0) return NOTHING;
  return `${(after / before).toFixed(1)}×`;
}

/** "+150 %", "−52 %", "±0 %"; a true minus sign. */
export function change(before: number | null, after: number | null): string {
  if (before === null || after === null || before === 0) return NOTHING;
  const percent = Math.round((after / before - 1) * 100);
  if (percent === 0) return '±0 %';
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toLocaleString('en-US')} %`;
}

export function percent(share: number | null): string {
  return share === null || !Number.isFinite(share) ? NOTHING : `${Math.round(share * 100)} %`;
}

export function count(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : trimmed(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en-US')} ${value === 1 ? one : many}`;
}

export function dollars(value: number): string {
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** Local time of day, with seconds. */
export function timeOfDay(time: number): string {
  return clockWithSeconds.format(time);
}

export function hourAndMinute(time: number): string {
  return clock.format(time);
}

/** "21 Nov, 10:02:10 – 10:14:00 (12 min)", in local time. */
export function windowWords(window: { readonly start: number; readonly end: number }): string {
  const seconds = Math.round((window.end - window.start) / 1000);
  const length = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `${day.format(window.start)}, ${timeOfDay(window.start)} – ${timeOfDay(window.end)} (${length})`;
}

/** A quantity with its unit. */
export function quantity({ value, unit }: Pick<Quantity, 'value' | 'unit'>): string {
  switch (unit) {
    case 'ms':
      return duration(value);
    case 'percent':
      return `${trimmed(value)} %`;
    case 'share':
      return percent(value);
    case 'ratio':
      return `${trimmed(value)}×`;
    case 'per-second':
      return `${trimmed(value)} /s`;
    case 'cpu-units':
      return `${count(value)} CPU units`;
    case 'MiB':
      return `${count(value)} MiB`;
    case 'epoch-ms':
      return `${day.format(value)}, ${timeOfDay(value)}`;
    case 'count':
      return count(value);
  }
}

/** Confidence in a word that goes with the number. */
export function confidenceWord(confidence: number): string {
  if (confidence >= 0.9) return 'very likely';
  if (confidence >= 0.7) return 'likely';
  if (confidence >= 0.4) return 'possible';
  return 'weak';
}

/** "chatbot · POST /api/chat", "cpu of TaskDefinition app (chatbot)". */
export function targetWords(target: Target): string {
  const resource = target.resource === undefined ? undefined : resourceName(target.resource);
  const what = [
    target.dependency,
    resource === undefined
      ? undefined
      : `${target.property === undefined ? '' : `${target.property} of `}${resource}`,
    target.operation,
    target.instance === undefined ? undefined : `instance ${target.instance}`,
  ].filter((part) => part !== undefined);
  return [target.service, ...what].join(' · ');
}

/** `urn:pulumi:lab::infra::aws:ecs/taskDefinition:TaskDefinition::app` → `TaskDefinition app`. */
export function resourceName(urn: string): string {
  const parts = urn.split('::');
  const name = parts.at(-1) ?? urn;
  const type = parts.at(-2)?.split('$').at(-1)?.split(':').at(-1);
  return parts.length < 4 || type === undefined ? urn : `${type} ${name}`;
}

/** Evidence is cited by its place in the list: E1, E2… The hash stays its id. */
export function evidenceLabels(diagnosis: Pick<Diagnosis, 'evidence'>): ReadonlyMap<string, string> {
  return new Map(diagnosis.evidence.map(({ id }, index) => [id, `E${index + 1}`]));
}

function trimmed(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
