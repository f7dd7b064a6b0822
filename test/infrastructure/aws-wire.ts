import { createServer, type IncomingMessage } from 'node:http';

/** What a call of the wire protocol asked for. */
export interface WireCall {
  readonly target: string;
  readonly body: Record<string, unknown>;
  readonly authorization: string;
}

export interface WireAnswer {
  readonly status?: number;
  readonly body: unknown;
  /** Sent as it is instead of JSON. */
  readonly raw?: string;
}

export interface AwsWire {
  readonly calls: readonly WireCall[];
  close(): Promise<void>;
}

/**
 * A fake of AWS's JSON protocols on loopback, for what the emulators lack: percentiles, pages, PartialData, refusals.
 * It sets the environment that the real SDK clients read, and puts it back when it is closed.
 */
export async function serveAws(
  answer: (call: WireCall, nth: number) => WireAnswer | 'hang',
): Promise<AwsWire> {
  const calls: WireCall[] = [];
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const call: WireCall = {
        target: String(request.headers['x-amz-target']),
        body: JSON.parse(text) as Record<string, unknown>,
        authorization: String(request.headers.authorization),
      };
      calls.push(call);
      const given = answer(call, calls.length - 1);
      if (given === 'hang') return;
      response.writeHead(given.status ?? 200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(given.raw ?? JSON.stringify(given.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const restore = setEnvironment({
    AWS_ENDPOINT_URL: `http://127.0.0.1:${address.port}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PROFILE: undefined,
  });
  return {
    calls,
    async close() {
      restore();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function setEnvironment(values: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  const apply = (all: Readonly<Record<string, string | undefined>>): void => {
    for (const [name, value] of Object.entries(all)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  apply(values);
  return () => apply(before);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
