import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { hexId } from './account.ts';
import { AwsError, describeIssues } from './aws-error.ts';
import { parseObject, readBody, sendJson } from './http.ts';

/** An API's operations by name; each takes the request's JSON and gives the answer's, or throws an AwsError. */
export type AwsOperations = Readonly<Record<string, (body: Record<string, unknown>) => object>>;

interface Api {
  readonly operations: AwsOperations;
  readonly contentType: string;
}

/** Answers AWS's JSON protocols: one POST, the operation named by the X-Amz-Target header. */
export class AwsWire {
  readonly #apis: ReadonlyMap<string, Api>;

  /** APIs by target prefix, e.g. `AmazonEC2ContainerServiceV20141113`. */
  constructor(apis: { ecs: AwsOperations; cloudWatch: AwsOperations; logs: AwsOperations }) {
    this.#apis = new Map([
      [
        'AmazonEC2ContainerServiceV20141113',
        { operations: apis.ecs, contentType: 'application/x-amz-json-1.1' },
      ],
      [
        'GraniteServiceVersion20100801',
        { operations: apis.cloudWatch, contentType: 'application/x-amz-json-1.0' },
      ],
      ['Logs_20140328', { operations: apis.logs, contentType: 'application/x-amz-json-1.1' }],
    ]);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [prefix = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.');
    const api = this.#apis.get(prefix);
    const headers: Record<string, string> = {
      'content-type': api?.contentType ?? 'application/x-amz-json-1.1',
      'x-amzn-requestid': requestId(),
    };
    try {
      if (request.headers.authorization === undefined) {
        throw new AwsError('MissingAuthenticationToken', 'Missing Authentication Token', 403);
      }
      const handler =
        api !== undefined && Object.hasOwn(api.operations, operation) ? api.operations[operation] : undefined;
      if (handler === undefined) {
        throw new AwsError(
          'UnknownOperationException',
          `The emulated cloud (not Amazon's) has no operation ${prefix}.${operation}`,
        );
      }
      sendJson(response, 200, handler(jsonBody(await readBody(request))), headers);
    } catch (error) {
      const failure = error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 500);
      const fault = failure.status < 500 ? 'Sender' : 'Receiver';
      sendJson(
        response,
        failure.status,
        { __type: failure.code, message: failure.message },
        // CloudWatch came to JSON from AWS's query protocol; its clients take the error's code from this header.
        { ...headers, 'x-amzn-query-error': `${failure.code};${fault}` },
      );
    }
  }
}

function jsonBody(text: string): Record<string, unknown> {
  try {
    return parseObject(text);
  } catch (error) {
    throw new AwsError('SerializationException', String(error));
  }
}

function requestId(): string {
  return [8, 4, 4, 4, 12].map(hexId).join('-');
}

/** Reads requests by schema; what does not fit is answered with the API's own error code for bad parameters. */
export class ApiInput {
  readonly #code: string;

  constructor(code: string) {
    this.#code = code;
  }

  parse<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new AwsError(this.#code, describeIssues(parsed.error));
  }
}

/** One page of a list; the token is the place of the next page's first item. An unknown token is an error. */
export function pageOf<T>(
  list: readonly T[],
  size: number,
  token: string | undefined,
): { items: readonly T[]; rest: readonly T[]; nextToken: string | undefined } {
  if (token !== undefined && !/^\d{1,9}$/.test(token)) {
    throw new AwsError('InvalidParameterException', 'The next token is not valid.');
  }
  const start = Number(token ?? 0);
  const end = start + size;
  return {
    items: list.slice(start, end),
    rest: list.slice(end),
    nextToken: end < list.length ? String(end) : undefined,
  };
}
