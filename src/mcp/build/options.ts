import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { lazySchemas } from './lazy-schemas.ts';

/** Dynamic imports that become files of their own, so that a start reads and compiles only what it runs. */
const SEPARATE: Readonly<Record<string, string>> = {
  './server.ts': './mcp-server.cjs',
  './session.ts': './mcp-session.cjs',
};

const separateFiles: Plugin = {
  name: 'separate-files',
  setup(build) {
    build.onResolve({ filter: /^\.\/(server|session)\.ts$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: SEPARATE[path] ?? path, external: true } : undefined,
    );
  },
};

/** What the SDK imports for paths that this server never takes: zod 3 schemas, and validating what was elicited. */
const UNUSED = /^(zod\/v3|zod-to-json-schema|ajv|ajv-formats)$/;

const withoutUnused: Plugin = {
  name: 'without-unused',
  setup(build) {
    build.onResolve({ filter: UNUSED }, ({ path, importer }) =>
      /[\\/]@modelcontextprotocol[\\/]sdk[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: `const absent = () => { throw new Error(${JSON.stringify(`${path} is not part of this bundle`)}); };
        export default absent; export const zodToJsonSchema = absent; export const object = absent;`,
      loader: 'js',
    }));
  },
};

/**
 * esbuild's options for the MCP server: dist/mcp.cjs turns the compile cache on and loads dist/mcp-server.cjs, which
 * answers the handshake and loads dist/mcp-session.cjs, the tools and all behind them, at the first call.
 */
export function mcpBuilds(root: string, outdir: string): BuildOptions[] {
  const shared: BuildOptions = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    // Keeps the names of errors and classes readable in a message.
    keepNames: false,
    // `require` rather than `import()`: starting the ES module loader costs more than the file.
    supported: { 'dynamic-import': false },
    legalComments: 'none',
    logLevel: 'warning',
    outdir,
    outExtension: { '.js': '.cjs' },
  };
  const entry = (name: string) => join(root, 'src', 'mcp', `${name}.ts`);
  return [
    { ...shared, entryPoints: { mcp: entry('main') }, plugins: [separateFiles] },
    {
      ...shared,
      entryPoints: { 'mcp-server': entry('server') },
      plugins: [separateFiles, withoutUnused, lazySchemas(/[\\/]src[\\/]mcp[\\/]server\.ts$/)],
    },
    { ...shared, entryPoints: { 'mcp-session': entry('session') } },
  ];
}
