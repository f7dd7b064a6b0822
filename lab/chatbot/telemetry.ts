import { createRequire, registerHooks } from 'node:module';

/*
 * One OpenTelemetry API per process. npm may hoist a newer minor of `@opentelemetry/api` beside the HTTP
 * instrumentation than the distro brings, and an API ignores globals that an older minor registered: contexts and
 * parents would be lost without a word. So every import of it resolves to the chatbot's own copy.
 */
const ownApi = import.meta.resolve('@opentelemetry/api');
registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === '@opentelemetry/api'
      ? { url: ownApi, shortCircuit: true }
      : nextResolve(specifier, context),
});

const require = createRequire(import.meta.url);

/** The distro and the instrumentation are CommonJS and patch CommonJS modules, so they are loaded by `require`. */
const { HoneycombSDK } =
  require('@honeycombio/opentelemetry-node') as typeof import('@honeycombio/opentelemetry-node');
const { HttpInstrumentation } =
  require('@opentelemetry/instrumentation-http') as typeof import('@opentelemetry/instrumentation-http');

const HEALTH_PATH = '/healthz';

/**
 * Starts the distro from its own environment variables (HONEYCOMB_API_ENDPOINT, HONEYCOMB_API_KEY,
 * OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) plus SERVICE_VERSION. Call before anything touches `node:http`.
 */
export function startTelemetry(environment: NodeJS.ProcessEnv): { shutdown(limitMs: number): Promise<void> } {
  const version = environment['SERVICE_VERSION'];
  if (version !== undefined && version !== '') {
    const given = process.env['OTEL_RESOURCE_ATTRIBUTES'];
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = [given, `service.version=${encodeURIComponent(version)}`]
      .filter(Boolean)
      .join(',');
  }
  const sdk = new HoneycombSDK({
    // Without any key the distro's exporters fail their own validation; a local collector accepts whatever comes.
    apiKey: environment['HONEYCOMB_API_KEY'] || 'no-key-configured',
    serviceName: environment['OTEL_SERVICE_NAME'] || 'otel-ai-chatbot',
    // Only the server side: calls out go through fetch, which this instrumentation leaves alone, and get spans of
    // their own with the semantics of what is called.
    instrumentations: [
      new HttpInstrumentation({
        ignoreIncomingRequestHook: (request) => request.url === HEALTH_PATH,
      }),
    ],
  });
  sdk.start();
  require('node:http');

  return {
    /** Flushes and stops. The distro rejects when its endpoint is down, which must not keep a task from ending. */
    async shutdown(limitMs: number): Promise<void> {
      const limit = new Promise<void>((resolve) => {
        setTimeout(resolve, limitMs).unref();
      });
      await Promise.race([limit, sdk.shutdown().catch(reportLostTelemetry)]);
    },
  };
}

function reportLostTelemetry(thrown: unknown): void {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  process.stderr.write(`The last spans could not be sent: ${reason}\n`);
}
