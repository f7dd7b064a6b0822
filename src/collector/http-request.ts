import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { ApiError } from './api-error.ts';

/** Honeycomb's limit; it holds for the body as sent and as unpacked. */
const MAX_BODY_BYTES = 20 * 2 ** 20;

/** How much more of a refused body is taken, and for how long. */
const DISCARDED = { bytes: 64 * 2 ** 20, ms: 10_000 };

/** The whole body, unpacked. Throws 413 beyond the limit, 415 for an unknown encoding, 400 when it does not unpack. */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const unpack = unpackerOf(request.headers['content-encoding']);
  const declared = Number(request.headers['content-length']);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (unpack) {
    let sent = 0;
    request.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      if (sent > maxBytes) unpack.destroy(tooLarge(maxBytes));
    });
    request.on('error', (error) => unpack.destroy(error));
  }
  // A refused request stays open: its sender is still to get the answer.
  const source = unpack ? request.pipe(unpack) : request.iterator({ destroyOnReturn: false });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(
      400,
      `The body cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return Buffer.concat(chunks, size);
}

/**
 * Throws the rest of a refused body away, so that a sender that writes first and reads then comes to its answer. Resolves when
 * the body has ended, its sender has gone, or a limit is reached; never rejects.
 */
export function discardRest(request: IncomingMessage, limit = DISCARDED): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(deadline);
      request.pause();
      resolve();
    };
    const deadline = setTimeout(done, limit.ms);
    let discarded = 0;
    request.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > limit.bytes) done();
    });
    // A sender that goes away before its end has nothing to be told any more.
    for (const event of ['end', 'error', 'close']) request.once(event, done);
    request.resume();
  });
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, 2 ** 20);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new ApiError(400, 'The body is not valid JSON.');
  }
}

function unpackerOf(encoding: string | undefined): Transform | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'zstd':
      // Node has it since 22.15; the editor's runtime may be older.
      if (typeof createZstdDecompress === 'function') return createZstdDecompress();
      break;
    default:
      break;
  }
  throw new ApiError(
    415,
    `Content-Encoding ${String(encoding).slice(0, 40)} is not supported; send gzip or none.`,
  );
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    413,
    `The body is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB. Send smaller batches.`,
  );
}
