import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { report } from './report.ts';
import { type Exchange, type LoadShape, Users } from './users.ts';

const REPORT_SECONDS = 5;

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    users: { type: 'string', default: '0' },
    'think-ms': { type: 'string', default: '5000' },
    history: { type: 'string', default: '0' },
    'document-kib': { type: 'string', default: '0' },
    'new-questions': { type: 'string', default: '0' },
  },
});
if (values.url === undefined || !URL.canParse(values.url)) {
  process.stderr.write(
    'Usage: node lab/load/main.ts --url http://127.0.0.1:PORT [--users N --think-ms N --history N --document-kib N --new-questions SHARE]\n',
  );
  process.exit(2);
}

let exchanges: Exchange[] = [];
const start: LoadShape = {
  users: Number(values.users),
  thinkMs: Number(values['think-ms']),
  history: Number(values.history),
  documentKiB: Number(values['document-kib']),
  newQuestions: Number(values['new-questions']),
};
const users = new Users(new URL(values.url), start, (exchange) => exchanges.push(exchange));
users.apply({});
const reporting = setInterval(() => {
  const interval = exchanges;
  exchanges = [];
  process.stdout.write(`${JSON.stringify(report(interval, users.shape, REPORT_SECONDS))}\n`);
}, REPORT_SECONDS * 1000);

function stop(): void {
  clearInterval(reporting);
  users.stop();
  process.exit(0);
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
  const change = readChange(line);
  if (change === undefined)
    process.stderr.write(
      'Not understood; send numbers for users, thinkMs, history, documentKiB, newQuestions.\n',
    );
  else users.apply(change);
});
// The end of its commands is the end of the load: whoever steers it is gone.
commands.once('close', stop);

process.stdout.write(`${JSON.stringify({ url: values.url })}\n`);

function readChange(line: string): Partial<LoadShape> | undefined {
  let parsed: Record<string, unknown> | null;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  const change: Record<string, number> = {};
  for (const name of ['users', 'thinkMs', 'history', 'documentKiB', 'newQuestions']) {
    const value = parsed?.[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value >= 0)) return undefined;
    change[name] = value;
  }
  return change;
}
