import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { AwsError } from '../aws-error.ts';
import { parseObject, readBody, sendJson } from '../http.ts';
import type { ResourceRecord } from './resource.ts';
import type { ResourceStore } from './resource-store.ts';

export const RESOURCES_PATH = '/lab/resources';

const Body = z.object({ properties: z.record(z.string(), z.unknown()) });

/**
 * What the emulated provider talks to: `POST ?type=`, and `GET`, `PUT`, `DELETE ?type=&ref=`. Bodies are `{properties}`,
 * answers `{id, ref, inputs, properties}`; a failure is `{code, message}`.
 */
export async function handleResourceRequest(
  store: ResourceStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    const type = query.get('type') ?? '';
    const ref = query.get('ref') ?? '';
    const properties = async () => Body.parse(parseObject(await readBody(request))).properties;
    switch (request.method) {
      case 'POST':
        sendJson(response, 201, answer(await store.create(type, await properties())));
        return;
      case 'GET': {
        const record = store.read(type, ref);
        if (record === undefined)
          throw new AwsError('ResourceNotFoundException', `no ${type} named ${ref}`, 404);
        sendJson(response, 200, answer(record));
        return;
      }
      case 'PUT':
        sendJson(response, 200, answer(await store.update(type, ref, await properties())));
        return;
      case 'DELETE':
        await store.delete(type, ref);
        sendJson(response, 200, {});
        return;
      default:
        throw new AwsError('MethodNotAllowed', `${request.method} is not offered here`, 405);
    }
  } catch (error) {
    const failure = error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 500);
    sendJson(response, failure.status, { code: failure.code, message: failure.message });
  }
}

function answer(record: ResourceRecord): object {
  return { id: record.id, ref: record.ref, inputs: record.inputs, properties: record.outputs };
}
