// STAND-IN for Pulumi's `pulumi-language-nodejs`, used only where the real one can't be had.
//
// The real language host comes with Pulumi's release and is a Go program that no module proxy serves by
// itself. Where set-up had to build the CLI from its module, this file is copied beside the built binary and
// speaks the same protocol (pulumirpc.LanguageRuntime) for what previews and updates of a Node.js program
// need. It installs nothing, generates nothing and runs no plugins: those calls answer UNIMPLEMENTED.
// Whoever has the real CLI never gets this file.
//
// Protocol: the CLI starts it in the project's folder with flags and, last, its own address; the port that
// this process listens on is the first line of its stdout.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

/** Exit status of `@pulumi/pulumi/cmd/run` when the program's error has been shown to the user already. */
const ALREADY_REPORTED = 32;

/** The program's own copy of the SDK is the only one this process can count on. */
const require = createRequire(path.join(process.cwd(), 'Pulumi.yaml'));

/** @type {any} */ let grpc;
/** @type {any} */ let messages;
/** @type {any} */ let services;
try {
  const sdk = createRequire(require.resolve('@pulumi/pulumi/package.json'));
  grpc = sdk('@grpc/grpc-js');
  messages = sdk('@pulumi/pulumi/proto/language_pb');
  services = sdk('@pulumi/pulumi/proto/language_grpc_pb');
} catch (error) {
  process.stderr.write(
    `pulumi-language-nodejs (stand-in): @pulumi/pulumi can't be loaded from ${process.cwd()}; ` +
      `install the program's dependencies there. ${String(error)}\n`,
  );
  process.exit(1);
}
const { Empty } = createRequire(require.resolve('@pulumi/pulumi/package.json'))(
  'google-protobuf/google/protobuf/empty_pb',
);

const engine = process.argv.at(-1) ?? '';
/** @type {Set<import("node:child_process").ChildProcess>} */
const programs = new Set();

/**
 * Runs the program to its end. Its resources go to the engine through the monitor, not through this process.
 * @param {any} request pulumirpc.RunRequest
 * @returns {Promise<{error: string, bail: boolean}>} an empty `error` means that the program succeeded
 */
async function run(request) {
  const info = request.getInfo();
  const options = info?.getOptions()?.toJavaScript() ?? {};
  const folder = info?.getProgramDirectory() || request.getPwd() || process.cwd();
  const entry = info?.getEntryPoint() || request.getProgram() || '.';
  // The SDK is looked up from the real folder: a copy of a project may reach its modules through a link.
  const from = createRequire(path.join(realpathSync(folder), 'package.json'));
  const flags = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    'root-directory': info?.getRootDirectory() || folder,
    stack: request.getStack(),
    pwd: request.getPwd() || folder,
    parallel: String(request.getParallel()),
  };
  const args = [
    ...String(options.nodeargs ?? '')
      .split(' ')
      .filter(Boolean),
    from.resolve('@pulumi/pulumi/cmd/run'),
    ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
    ...(request.getDryrun() ? ['--dry-run'] : []),
    entry,
    ...request.getArgsList(),
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    // stdout is this process's own channel to the CLI (the port): the program's goes to stderr, which the CLI shows.
    stdio: ['ignore', process.stderr, process.stderr],
    env: {
      ...process.env,
      PULUMI_NODEJS_TYPESCRIPT: String(options.typescript ?? true),
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
  });
  programs.add(child);
  try {
    const [code, signal] = await once(child, 'exit');
    if (code === 0) {
      return { error: '', bail: false };
    }
    if (code === ALREADY_REPORTED) {
      return { error: '', bail: true };
    }
    const how = signal ? `was ended by ${signal}` : `exited with code ${code}`;
    return { error: `The program ${how}; its output above says why.`, bail: false };
  } catch (error) {
    return { error: `The program could not be started: ${String(error)}`, bail: false };
  } finally {
    programs.delete(child);
  }
}

function endPrograms() {
  for (const child of programs) {
    child.kill('SIGTERM');
  }
}

/**
 * @param {new () => any} Answer
 * @returns {(call: unknown, reply: (error: null, answer: any) => void) => void}
 */
const empty = (Answer) => (_call, reply) => reply(null, new Answer());

const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(services.LanguageRuntimeService, {
  handshake: empty(messages.LanguageHandshakeResponse),
  getRequiredPackages: empty(messages.GetRequiredPackagesResponse),
  getRequiredPlugins: empty(messages.GetRequiredPluginsResponse),
  getPluginInfo: empty(
    createRequire(require.resolve('@pulumi/pulumi/package.json'))('@pulumi/pulumi/proto/plugin_pb')
      .PluginInfo,
  ),
  getProgramDependencies: empty(messages.GetProgramDependenciesResponse),
  runtimeOptionsPrompts: empty(messages.RuntimeOptionsResponse),
  /** @param {any} _call @param {any} reply */
  about(_call, reply) {
    const answer = new messages.AboutResponse();
    answer.setExecutable(process.execPath);
    answer.setVersion(`${process.version} (stand-in language host)`);
    reply(null, answer);
  },
  /** @param {any} call @param {any} reply */
  run(call, reply) {
    run(call.request).then(
      ({ error, bail }) => {
        const answer = new messages.RunResponse();
        answer.setError(error);
        answer.setBail(bail);
        reply(null, answer);
      },
      (error) => reply({ code: grpc.status.INTERNAL, message: String(error) }),
    );
  },
  /** @param {any} _call @param {any} reply */
  cancel(_call, reply) {
    endPrograms();
    reply(null, new Empty());
  },
});

server.bindAsync(
  '127.0.0.1:0',
  grpc.ServerCredentials.createInsecure(),
  (/** @type {Error | null} */ error, /** @type {number} */ port) => {
    if (error) {
      process.stderr.write(`pulumi-language-nodejs (stand-in): no port to listen on: ${error.message}\n`);
      process.exit(1);
    }
    process.stdout.write(`${port}\n`);
  },
);

// The CLI ends its plugins with an interrupt and kills after some seconds those that stay. But Ctrl-C reaches the
// whole foreground group as well, and while a program runs the CLI alone decides when to stop (it says `cancel`):
// an interrupt then must not cut an update in the middle.
process.on('SIGINT', () => {
  if (programs.size === 0) {
    process.exit(0);
  }
});
process.on('SIGTERM', () => {
  endPrograms();
  process.exit(143);
});
