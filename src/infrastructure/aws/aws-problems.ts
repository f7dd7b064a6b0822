import { Problem } from '../../problem.ts';

/** Whom a call was made as, and where: echoed in every problem, since the wrong one of these is the usual cause. */
export interface AwsIdentity {
  readonly region: string;
  /** Name of a profile in the user's AWS configuration; absent = the SDK's default chain. */
  readonly profile?: string;
}

const EXPIRED = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'TokenRefreshRequired',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
]);
const FORBIDDEN = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'NotAuthorized',
]);
const THROTTLED = new Set([
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'LimitExceeded',
]);
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EPIPE',
]);

/** Turns what an AWS client threw into a Problem that says what to do. `what` completes "could not read …". */
export function awsProblem(thrown: unknown, what: string, identity: AwsIdentity): Problem {
  if (thrown instanceof Problem) return thrown;
  const name = nameOf(thrown);
  const where = `in ${identity.region}${identity.profile === undefined ? '' : ` as profile ${identity.profile}`}`;
  const options = { cause: thrown };
  const signIn = `Sign in again: aws sso login${identity.profile === undefined ? '' : ` --profile ${identity.profile}`}. Then retry.`;
  if (name === 'AbortError')
    return new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', options);
  if (EXPIRED.has(name)) {
    return new Problem(
      'unauthorized',
      `AWS did not accept the credentials ${where} (${name}).`,
      signIn,
      options,
    );
  }
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new Problem('unauthorized', `There are no usable AWS credentials ${where}.`, signIn, options);
  }
  if (FORBIDDEN.has(name)) {
    return new Problem(
      'forbidden',
      `The AWS credentials may not read ${what} ${where}.`,
      'Allow the action to this identity, or choose another profile in the settings.',
      options,
    );
  }
  if (THROTTLED.has(name)) {
    return new Problem(
      'rate-limited',
      `AWS is throttling requests for ${what} ${where}.`,
      'Wait a minute and try again.',
      options,
    );
  }
  if (UNREACHABLE.has(codeOf(thrown))) {
    return new Problem(
      'unreachable',
      `AWS could not be reached for ${what} ${where} (${codeOf(thrown)}).`,
      'Check the network, the region, and AWS_ENDPOINT_URL if it is set.',
      options,
    );
  }
  if (name === 'TimeoutError') {
    return new Problem(
      'timeout',
      `AWS did not answer in time for ${what} ${where}.`,
      'Try again; check the network.',
      options,
    );
  }
  // The JSON protocol's client fails to parse what a proxy or gateway answered in its own words.
  if (name === 'SyntaxError') {
    return new Problem(
      'unreachable',
      `Something other than AWS answered for ${what} ${where}: the answer is not JSON${statusOf(thrown)}.`,
      'Look for a proxy, a captive portal, or a wrong AWS_ENDPOINT_URL.',
      options,
    );
  }
  return new Problem(
    'internal',
    `Could not read ${what} ${where}: ${name || 'unknown error'}${statusOf(thrown)}.`,
    'Try the same call with the AWS CLI to see more.',
    options,
  );
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

/** Node puts the system's code on the error or, where several addresses were tried, on its parts. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  if (thrown instanceof AggregateError) return thrown.errors.map(codeOf).find((code) => code !== '') ?? '';
  return thrown.cause === undefined ? '' : codeOf(thrown.cause);
}

function statusOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  const metadata = '$metadata' in thrown ? thrown.$metadata : undefined;
  const response = '$response' in thrown ? thrown.$response : undefined;
  for (const place of [metadata, response]) {
    if (place === null || typeof place !== 'object') continue;
    const status =
      'httpStatusCode' in place ? place.httpStatusCode : 'statusCode' in place ? place.statusCode : null;
    if (typeof status === 'number') return ` (HTTP ${status})`;
  }
  return '';
}
