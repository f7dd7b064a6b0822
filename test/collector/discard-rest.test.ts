import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { discardRest } from '../../src/collector/http-request.ts';

const LONG = 600_000;
const server = createServer();
let sender: Socket;
let request: IncomingMessage;

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sender = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sender.on('error', () => undefined);
  const received = once(server, 'request');
  sender.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
  [request] = (await received) as [IncomingMessage];
});
afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  sender.destroy();
  server.closeAllConnections();
  await closed;
});

test('takes the rest to its end', async () => {
  sender.write(Buffer.alloc(1000));
  await discardRest(request, { bytes: 1000, ms: LONG });
  expect(request.complete).toBe(true);
});

test('takes so many bytes and no more', async () => {
  sender.write(Buffer.alloc(999));
  await discardRest(request, { bytes: 500, ms: LONG });
  expect(request.complete).toBe(false);
});

test('waits so long for a sender that has stopped', async () => {
  await discardRest(request, { bytes: 1000, ms: 10 });
  expect(request.complete).toBe(false);
});

test('does not wait for a sender that is gone, nor for one that has ended', async () => {
  const discarded = discardRest(request, { bytes: 1000, ms: LONG });
  sender.destroy();
  await discarded;
  await discardRest(request, { bytes: 1000, ms: LONG });
  expect(request.destroyed).toBe(true);
});
