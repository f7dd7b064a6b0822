const SECRET_NAME = /(TOKEN|SECRET|PASSPHRASE|PASSWORD|API_?KEY|ACCESS_KEY|CREDENTIAL|PRIVATE_KEY)/i;

/** Shorter values are too likely to be ordinary words. */
const SHORTEST = 6;

/**
 * Makes a function that takes out of a text what must not be shown: the values of the environment's secret-looking
 * variables, credentials in URLs, and the token shapes of Pulumi, AWS and Honeycomb.
 */
export function redactor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const secrets = Object.entries(env)
    .filter(([name, value]) => value !== undefined && value.length >= SHORTEST && SECRET_NAME.test(name))
    .map(([, value]) => value ?? '')
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
    return clean
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]+(:[^\s/@]*)?@/gi, '$1[secret]@')
      .replace(/\bpul-[0-9a-f]{40}\b/g, '[secret]')
      .replace(/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, '[secret]')
      .replace(/\bhc[a-z]{3}_[0-9A-Za-z]{20,}\b/g, '[secret]');
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Untrusted text made fit to be shown on one or more lines: no escape sequences, no control or bidi characters, capped. */
export function plainText(text: string, cap: number): string {
  const clean = text.replace(/\r\n?/g, '\n').replace(ANSI, '').replace(CONTROL, '');
  return clean.length > cap ? `${clean.slice(0, cap - 1)}…` : clean;
}
