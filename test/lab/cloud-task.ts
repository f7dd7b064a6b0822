/** The image that the cloud's tests run: an HTTP server that is well, busy, greedy or broken as it is told. */
import { createServer } from 'node:http';
import { Worker } from 'node:worker_threads';

const health = process.env['HEALTH'] ?? 'ok';
if (health === 'exit') process.exit(3);

const held: Buffer[] = [];

function busy(): void {
  const forever = Number.POSITIVE_INFINITY;
  for (let n = 0; n < forever; n += 1) Math.sqrt(n);
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  switch (url.pathname) {
    case '/healthz':
      response.writeHead(health === 'ok' ? 200 : 500).end();
      return;
    case '/env':
      response.end(JSON.stringify(process.env));
      return;
    case '/headers':
      response.end(JSON.stringify(request.headers));
      return;
    case '/slow':
      setTimeout(() => response.end('slow'), Number(url.searchParams.get('ms')));
      return;
    case '/fail':
      response.writeHead(500).end();
      return;
    case '/crash':
      process.exitCode = 7;
      process.emit('SIGUSR2');
      return;
    default:
      response.end(process.env['VERSION'] ?? '');
  }
});
server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () =>
  console.log('listening, port', process.env['PORT']),
);
process.once('SIGUSR2', () => process.exit());
process.once('SIGTERM', () => {
  console.error('ERROR draining');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
// A task that ends with its parent, as the lab's images do; a stopped one cannot.
process.stdin.once('end', () => process.exit(0)).resume();

const workers = Number(process.env['BUSY_WORKERS'] ?? 0);
for (let n = 0; n < workers; n += 1) new Worker('for (;;) Math.sqrt(Math.random())', { eval: true });
if (process.env['BUSY'] !== undefined) setTimeout(busy, 100);
const growMiB = Number(process.env['GROW_MIB'] ?? 0);
if (growMiB > 0) setInterval(() => held.push(Buffer.alloc(growMiB * 1024 * 1024, 1)), 50);
