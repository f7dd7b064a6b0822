import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { onParentGone } from '../parent.ts';
import { createModelServer } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'median-ms': { type: 'string', default: '350' },
  },
});

const server = createModelServer({ medianMs: Number(values['median-ms']), rateLimitShare: 0 });
server.on('error', (error) => {
  process.stderr.write(`The fake model server cannot listen: ${error.message}\n`);
  process.exit(1);
});
server.listen(Number(values.port), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${port}`, is: 'fake model server, no language model' })}\n`,
  );
});

function stop(): void {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
onParentGone(stop);
