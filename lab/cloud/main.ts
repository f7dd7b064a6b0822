import { parseArgs } from 'node:util';
import { onParentGone } from '../parent.ts';
import { startCloud } from './cloud.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, dir: { type: 'string' } },
});
const port = Number(values.port);
if (values.dir === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write('usage: node lab/cloud/main.ts --dir DIR [--port PORT]\n');
  process.exit(2);
}

const log = (line: string): void => void process.stderr.write(`emulated cloud, not Amazon's: ${line}\n`);
const cloud = await startCloud({ dir: values.dir, port, log });
log(`ECS, CloudWatch and Logs at ${cloud.url}; metrics every 5 s (Amazon: 60 s)`);
process.stdout.write(`${JSON.stringify({ url: cloud.url })}\n`);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await cloud.close();
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
onParentGone(() => void stop());
