import { Problem } from '../problem.ts';
import { isLoopback } from './addresses.ts';

/** A key as it was stored, with the host that it was given for; null where that is not known. */
export interface StoredKey {
  readonly key: string;
  readonly host: string | null;
}

/** What is sent to a store on this machine, which takes any key. */
const LOCAL_KEY = 'local';

/** Which key an address gets, or that the person has to be asked whether the stored one may go there. */
export type KeyChoice = { readonly use: string } | { readonly askFor: string };

/**
 * Chooses the key for an address. The stored key goes to the host that it was stored for alone, never to this machine;
 * the environment's goes to Honeycomb, to the endpoint that the environment names, and to this machine.
 * Throws `refused` for plain http elsewhere, and `unauthorized` where there is no key.
 */
export function chooseKey(
  apiUrl: string,
  stored: StoredKey | undefined,
  env: Readonly<Record<string, string | undefined>>,
): KeyChoice {
  const ofEnvironment = env['HONEYCOMB_API_KEY'] || undefined;
  if (isLoopback(apiUrl)) return { use: ofEnvironment ?? LOCAL_KEY };
  const host = keyHost(apiUrl);
  if (host === null) {
    throw new Problem(
      'refused',
      'The API key is sent over https alone, and the address of the telemetry store is another one.',
      'Give an https address in the setting plumbline.honeycomb.apiUrl, or use the local collector.',
    );
  }
  if (stored?.host === host) return { use: stored.key };
  const endpoint = env['HONEYCOMB_API_ENDPOINT'];
  const meant = host.endsWith('.honeycomb.io') || (endpoint !== undefined && keyHost(endpoint) === host);
  if (stored === undefined && ofEnvironment !== undefined && meant) return { use: ofEnvironment };
  if (stored !== undefined) return { askFor: host };
  throw new Problem(
    'unauthorized',
    `There is no API key for ${host}.`,
    'Set one with “Plumbline: Set Honeycomb API Key…”, or use the local collector.',
  );
}

/** The host, with its port, that a key for this address belongs to; null where none may be sent to it. */
export function keyHost(apiUrl: string | null): string | null {
  if (apiUrl === null || !URL.canParse(apiUrl) || isLoopback(apiUrl)) return null;
  const { protocol, host } = new URL(apiUrl);
  return protocol === 'https:' ? host : null;
}
