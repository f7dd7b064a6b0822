import { parseArgs } from 'node:util';
import { Problem, toProblem } from '../problem.ts';
import { ApiRoutes } from './api-routes.ts';
import { EventStore } from './event-store.ts';
import { logToStderr } from './log.ts';
import { Markers } from './markers.ts';
import { OtlpIngest } from './otlp-ingest.ts';
import { QueryResults } from './query-results.ts';
import { CollectorServer } from './server.ts';

const USAGE = `plumbline-collector --port P --data DIR [--key K] [--retention-hours H] [--query-timeout-ms T]
                    [--max-columns N] [--exit-with-parent]
  Takes OTLP/HTTP and answers Honeycomb's query API on 127.0.0.1:P (0: a free port, told on stdout).
  --key may also be given as PLUMBLINE_COLLECTOR_KEY, which keeps it out of the process list.`;

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2));
  const log = logToStderr;
  const store = await EventStore.open({
    directory: options.data,
    log,
    ...(options.maxColumns !== undefined && { maxColumns: options.maxColumns }),
    ...(options.retentionHours !== undefined && { retentionHours: options.retentionHours }),
  });
  const results = new QueryResults(store, log, options.queryTimeoutMs);
  const server = new CollectorServer({
    api: new ApiRoutes(store, results, new Markers(store)),
    ingest: new OtlpIngest(store),
    key: options.key,
    log,
  });

  let stopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log('info', `stopping: ${reason}`);
    try {
      await server.close();
      results.close();
      await store.close();
    } catch (error) {
      log('error', `did not stop cleanly: ${String(error)}`);
      process.exitCode = 1;
    }
    process.exit();
  };
  try {
    const url = await server.listen(options.port);
    process.stdout.write(`${JSON.stringify({ url })}\n`);
  } catch (error) {
    await store.close();
    throw error;
  }
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGTERM', () => void stop('SIGTERM'));
  if (options.exitWithParent) {
    process.stdin.on('end', () => void stop('the parent is gone'));
    process.stdin.on('error', () => void stop('the parent is gone'));
    process.stdin.resume();
  }
}

function readArguments(args: string[]) {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        port: { type: 'string' },
        data: { type: 'string' },
        key: { type: 'string' },
        'retention-hours': { type: 'string' },
        'query-timeout-ms': { type: 'string' },
        'max-columns': { type: 'string' },
        'exit-with-parent': { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new Problem('bad-input', error instanceof Error ? error.message : String(error), USAGE);
  }
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const number = (name: string, min: number, max: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsed = Number(value);
    if (!(parsed >= min && parsed <= max)) {
      throw new Problem(
        'bad-input',
        `--${name} must be a number from ${min} to ${max}, not ${value}.`,
        USAGE,
      );
    }
    return parsed;
  };
  const port = number('port', 0, 65_535);
  const data = text('data');
  if (port === undefined || !Number.isInteger(port))
    throw new Problem('bad-input', '--port is missing.', USAGE);
  if (data === undefined) throw new Problem('bad-input', '--data is missing.', USAGE);
  return {
    port,
    data,
    key: text('key') ?? process.env['PLUMBLINE_COLLECTOR_KEY'],
    retentionHours: number('retention-hours', 0.001, 1e6),
    queryTimeoutMs: number('query-timeout-ms', 1, 3_600_000) ?? 10_000,
    maxColumns: number('max-columns', 20, 20_000),
    exitWithParent: values['exit-with-parent'] === true,
  };
}

main().catch((thrown: unknown) => {
  const problem = toProblem(thrown);
  process.stderr.write(`plumbline-collector: ${problem.message}\n${problem.nextStep}\n`);
  process.exit(1);
});
