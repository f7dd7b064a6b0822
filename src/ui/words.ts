/** Numbers as the trees and dialogs write them. */

/** Milliseconds for reading: "0.4 ms", "640 ms", "1.24 s". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms >= 60_000) return `${(ms / 60_000).toFixed(1)} min`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 10) return `${Math.round(ms)} ms`;
  if (ms > 0 && ms < 0.05) return '<0.1 ms';
  return `${ms.toFixed(1)} ms`;
}

/** A ratio as a trend: "↑ 2.1×", "↓ 0.4×", "→" where it hardly moved, nothing where it is unknown. */
export function trend(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return '';
  if (ratio >= 1.1) return `↑ ${ratio.toFixed(1)}×`;
  if (ratio <= 0.9) return `↓ ${ratio.toFixed(1)}×`;
  return '→';
}

/** The trend for a screen reader. */
export function spokenTrend(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return 'trend unknown';
  if (ratio >= 1.1) return `risen to ${ratio.toFixed(1)} times`;
  if (ratio <= 0.9) return `fallen to ${ratio.toFixed(1)} times`;
  return 'steady';
}

/** How long ago, coarsely: "just now", "12 min ago", "3 h ago", "5 d ago". */
export function ago(time: number, now: number): string {
  const seconds = Math.max(0, (now - time) / 1000);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** "1 span", "3 spans". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/**
 * Text for a notification, dialog or input box: VS Code makes `[words](command:…)` in these a link that runs the command,
 * so that a text from telemetry or a model must not be able to hold one. One line at most `max` characters long.
 */
export function unlinked(text: string, max = 600): string {
  return oneLine(text, max).replaceAll('](', '] (');
}

/** Text of unknown origin, made safe for one line of a native control: no control characters, capped. */
export function oneLine(text: string, max = 160): string {
  // Bidirectional overrides could make a name read as another one.
  const clean = text
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
}
