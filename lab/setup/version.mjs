/**
 * Version numbers as tools print them: `v24.21.0`, `3.259.0-alpha.1`, `go version go1.26.8 linux/amd64`.
 * @typedef {readonly [major: number, minor: number, patch: number]} Version
 */

/**
 * The first version number in a text; a missing patch counts as 0.
 * @param {string} text
 * @returns {Version | undefined}
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/**
 * Negative when `a` is older than `b`, 0 when they are the same, positive when it is newer.
 * @param {Version} a
 * @param {Version} b
 */
export function compareVersions(a, b) {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/**
 * Whether the version in `text` is `least` or newer. A text without a version is not.
 * @param {string} text
 * @param {Version} least
 */
export function isAtLeast(text, least) {
  const version = parseVersion(text);
  return version !== undefined && compareVersions(version, least) >= 0;
}
