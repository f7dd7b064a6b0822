/** What replaces a value that may be secret, as Pulumi's own output writes it. */
const SECRET = '[secret]';

const SECRET_NAME =
  /pass(word|wd|phrase)|secret|token|credential|private[-_]?key|api[-_]?key|access[-_]?key|auth(orization)?$|connection[-_]?string|dsn$|(^|_)key$/i;
/** Names that hold such a word and tell where a secret is, not what it is. */
const REFERENCE_NAME = /(arn|name|version|id|rotation|enabled|ttl|expiry|valueFrom)s?$/i;

/**
 * A resource's properties without what looks like a secret. Pulumi marks the secrets it knows of; users also put
 * them where nothing marks them, such as a container's environment inside a JSON document.
 */
export function withoutSecrets(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redacted(properties) as Record<string, unknown>;
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  // A name beside its value: {"name":"API_KEY","value":"…"}, as ECS and Kubernetes write environments.
  const named = entries.find(([key]) => /^(name|key)$/i.test(key))?.[1];
  const holdsSecret = typeof named === 'string' && isSecretName(named);
  return Object.fromEntries(
    entries.map(([key, item]) =>
      isSecretName(key) || (holdsSecret && /^value$/i.test(key))
        ? [key, item === null || typeof item === 'boolean' ? item : SECRET]
        : [key, redacted(item)],
    ),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !REFERENCE_NAME.test(name);
}

function redactedText(text: string): string {
  if (/^\s*[[{]/.test(text)) {
    try {
      return JSON.stringify(redacted(JSON.parse(text)));
    } catch {
      // Not JSON after all: it is treated as any other text.
    }
  }
  return text;
}
