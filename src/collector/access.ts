import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sha256 } from '../content-hash.ts';
import { ApiError } from './api-error.ts';

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/**
 * Refuses what a web page could send: a Host that is not this machine (a name that was rebound to 127.0.0.1),
 * and an Origin that is neither this machine nor a webview.
 */
export function refuseForeign(request: IncomingMessage): void {
  const host = request.headers.host ?? '';
  if (!LOOPBACK.test(host)) throw new ApiError(403, 'This collector answers on the loopback address only.');
  const origin = request.headers.origin;
  if (origin === undefined) return;
  const authority = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
  const allowed =
    origin.startsWith('vscode-webview://') || (authority !== undefined && LOOPBACK.test(authority));
  if (!allowed) throw new ApiError(403, 'Requests of web pages are not answered.');
}

/** Checks the key of the Honeycomb API: any that is not empty, or the one the collector was given. */
export function checkKey(request: IncomingMessage, expected: string | undefined): void {
  const given = request.headers['x-honeycomb-team'];
  if (typeof given !== 'string' || given === '') {
    throw new ApiError(401, 'missing API key - set the X-Honeycomb-Team header');
  }
  if (expected !== undefined && !timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(expected)))) {
    throw new ApiError(401, 'unknown API key - check your credentials');
  }
}
