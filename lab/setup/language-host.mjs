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

/** @typedef {import('@pulumi/pulumi/proto/language_pb.js').RunRequest} RunRequest */
/** @typedef {import('@pulumi/pulumi/proto/language_grpc_pb.js').ILanguageRuntimeServer} LanguageRuntimeServer */
/** @typedef {Pick<LanguageRuntimeServer, 'handshake' | 'getRequiredPackages' | 'getRequiredPlugins' | 'getPluginInfo' | 'getProgramDependencies' | 'runtimeOptionsPrompts' | 'about' | 'run' | 'cancel'>} Answered */

/** Exit status of `@pulumi/pulumi/cmd/run` when the program's error has been shown to the user already. */
const ALREADY_REPORTED = 32;

const sdk = requireFromSdk();
/** @type {typeof import('@grpc/grpc-js')} */
const grpc = sdk('@grpc/grpc-js');
/** @type {typeof import('@pulumi/pulumi/proto/language_grpc_pb.js')} */
const { LanguageRuntimeService } = sdk('@pulumi/pulumi/proto/language_grpc_pb');
/** @type {typeof import('@pulumi/pulumi/proto/language_pb.js')} */
const messages = sdk('@pulumi/pulumi/proto/language_pb');
/** @type {typeof import('@pulumi/pulumi/proto/plugin_pb.js')} */
const { PluginInfo } = sdk('@pulumi/pulumi/proto/plugin_pb');
/** @type {typeof import('google-protobuf/google/protobuf/empty_pb.js')} */
const { Empty } = sdk('google-protobuf/google/protobuf/empty_pb');

const engine = process.argv.at(-1) ?? '';
/** @type {Set<import('node:child_process').ChildProcess>} */
const programs = new Set();

/** The program's own copy of the SDK is the only one that this process can count on. */
function requireFromSdk() {
  try {
    const project = createRequire(path.join(process.cwd(), 'Pulumi.yaml'));
    return createRequire(project.resolve('@pulumi/pulumi/package.json'));
  } catch {
    process.stderr.write(
      `pulumi-language-nodejs (stand-in): there is no @pulumi/pulumi in ${process.cwd()}; ` +
        "install the program's dependencies there.\n",
    );
    process.exit(1);
  }
}

/**
 * Runs the program to its end. Its resources go to the engine through the monitor, not through this process.
 * @param {RunRequest} request
 * @returns {Promise<{error: string, bail: boolean}>} an empty `error` without `bail` means that it succeeded
 */
async function run(request) {
  const info = request.getInfo();
  const options = info?.getOptions()?.toJavaScript() ?? {};
  const folder = info?.getProgramDirectory() || request.getPwd() || process.cwd();
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
  // Looked up from the program's real folder: a copy of a project may reach its modules through a link.
  const from = createRequire(path.join(realpathSync(folder), 'package.json'));
  const args = [
    ...String(options['nodeargs'] ?? '')
      .split(' ')
      .filter(Boolean),
    from.resolve('@pulumi/pulumi/cmd/run'),
    ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
    ...(request.getDryrun() ? ['--dry-run'] : []),
    info?.getEntryPoint() || request.getProgram() || '.',
    ...request.getArgsList(),
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    // The CLI shows both of this process's streams; the program's output must not mix with the port on stdout.
    stdio: ['ignore', process.stderr, process.stderr],
    env: {
      ...process.env,
      PULUMI_NODEJS_TYPESCRIPT: String(options['typescript'] ?? true),
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toArray())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
  });
  programs.add(child);
  try {
    await once(child, 'exit');
  } finally {
    programs.delete(child);
  }
  if (child.exitCode === 0) return { error: '', bail: false };
  if (child.exitCode === ALREADY_REPORTED) return { error: '', bail: true };
  const how = child.signalCode ? `was ended by ${child.signalCode}` : `exited with code ${child.exitCode}`;
  return { error: `The program ${how}; its output above says why.`, bail: false };
}

function endPrograms() {
  for (const child of programs) child.kill('SIGTERM');
}

/** @type {Answered} */
const answered = {
  handshake: (_call, reply) => reply(null, new messages.LanguageHandshakeResponse()),
  getRequiredPackages: (_call, reply) => reply(null, new messages.GetRequiredPackagesResponse()),
  getRequiredPlugins: (_call, reply) => reply(null, new messages.GetRequiredPluginsResponse()),
  getPluginInfo: (_call, reply) => reply(null, new PluginInfo()),
  getProgramDependencies: (_call, reply) => reply(null, new messages.GetProgramDependenciesResponse()),
  runtimeOptionsPrompts: (_call, reply) => reply(null, new messages.RuntimeOptionsResponse()),
  about(_call, reply) {
    const answer = new messages.AboutResponse();
    answer.setExecutable(process.execPath);
    answer.setVersion(`${process.version} (stand-in language host)`);
    reply(null, answer);
  },
  run(call, reply) {
    run(call.request)
      .catch((error) => ({ error: `The program could not be started: ${String(error)}`, bail: false }))
      .then(({ error, bail }) => {
        const answer = new messages.RunResponse();
        answer.setError(error);
        answer.setBail(bail);
        reply(null, answer);
      });
  },
  cancel(_call, reply) {
    endPrograms();
    reply(null, new Empty());
  },
};

// A state or a program can be larger than gRPC's usual 4 MB.
const server = new grpc.Server({
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
});
server.addService(LanguageRuntimeService, { ...answered });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    process.stderr.write(`pulumi-language-nodejs (stand-in): no port to listen on: ${error.message}\n`);
    process.exit(1);
  }
  process.stdout.write(`${port}\n`);
});

// The CLI ends its plugins with an interrupt and kills after some seconds those that stay. But Ctrl-C reaches the
// whole foreground group as well, and while a program runs the CLI alone decides when to stop (it says `cancel`):
// an interrupt then must not cut an update in the middle.
process.on('SIGINT', () => {
  if (programs.size === 0) process.exit(0);
});
process.on('SIGTERM', () => {
  endPrograms();
  process.exit(143);
});
