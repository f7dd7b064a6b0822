import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, context } from 'esbuild';
import { mcpBuilds } from './src/mcp/build/options.ts';

const root = import.meta.dirname;

/** @typedef {import('esbuild').BuildOptions} BuildOptions */

/**
 * DuckDB looks for its native binding in a package for the platform. A packed extension has no packages, so the
 * binding is loaded from `native/` beside the bundle.
 * @type {import('esbuild').Plugin}
 */
const nativeBinding = {
  name: 'native-binding',
  setup(build) {
    build.onResolve({ filter: /^@duckdb\/node-bindings$/ }, () => ({
      path: './native/duckdb.node',
      external: true,
    }));
  },
};

/** Lays DuckDB's binding for this platform beside the bundles. @param {string} outdir */
async function copyNativeBinding(outdir) {
  const name = `@duckdb/node-bindings-${process.platform}-${process.arch}`;
  const from = join(root, 'node_modules', name);
  if (!existsSync(from)) throw new Error(`${name} is not installed: DuckDB has no build for this platform.`);
  const to = join(outdir, 'native');
  await mkdir(to, { recursive: true });
  for (const file of await readdir(from)) {
    if (/\.(node|so|dylib|dll)$|^LICENSE$/.test(file)) await copyFile(join(from, file), join(to, file));
  }
}

/**
 * Programs for Node: VS Code gives `vscode`.
 * @type {BuildOptions}
 */
const forNode = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  plugins: [nativeBinding],
  // Names of classes and functions show up in logs and stack traces.
  keepNames: true,
  // Libraries written as modules ask for `import.meta.url`, which a CommonJS file has not.
  define: { 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** @type {BuildOptions} */
const forBrowser = {
  platform: 'browser',
  format: 'iife',
  target: 'es2023',
  jsx: 'automatic',
  jsxImportSource: 'preact',
};

/**
 * What the extension ships, by name; the MCP server says itself how it is built.
 * @param {string} outdir
 * @param {boolean} production
 * @returns {Readonly<Record<string, BuildOptions[]>>}
 */
function bundles(outdir, production) {
  /** @type {BuildOptions} */
  const shared = {
    bundle: true,
    minify: production,
    sourcemap: !production,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    absWorkingDir: root,
  };
  /** @type {(entry: string, out: string, target: BuildOptions) => BuildOptions} */
  const one = (entry, out, target) => {
    return { ...target, ...shared, entryPoints: [join(root, entry)], outfile: join(outdir, out) };
  };
  return {
    extension: [one('src/extension.ts', 'extension.cjs', forNode)],
    collector: [one('src/collector/main.ts', 'collector.cjs', forNode)],
    mcp: mcpBuilds(root, outdir).map((options) => ({ ...options, metafile: true, absWorkingDir: root })),
    webview: [one('src/webview/main.tsx', 'webview.js', forBrowser)],
  };
}

/**
 * Bundles into `outdir` and says what each file weighs.
 * @param {{ production?: boolean; only?: readonly string[]; outdir?: string; log?: (line: string) => void }} [options]
 */
export async function bundle({
  production = false,
  only,
  outdir = join(root, 'dist'),
  log = console.error,
} = {}) {
  if (only === undefined) await rm(outdir, { recursive: true, force: true });
  const chosen = Object.entries(bundles(outdir, production)).filter(([name]) => only?.includes(name) ?? true);
  if (chosen.some(([name]) => name === 'collector')) await copyNativeBinding(outdir);
  await Promise.all(
    chosen.flatMap(([name, builds]) =>
      builds.filter(present(log)).map(async (options) => {
        const { metafile } = await build(options);
        for (const [file, { bytes }] of Object.entries(metafile?.outputs ?? {})) {
          if (!file.endsWith('.map'))
            log(`${name.padEnd(10)}${file.padEnd(26)}${Math.ceil(bytes / 1024)} KiB`);
        }
      }),
    ),
  );
}

/** @param {(line: string) => void} log */
function present(log) {
  return (/** @type {BuildOptions} */ { entryPoints }) => {
    const missing = Object.values(entryPoints ?? {}).filter((entry) => !existsSync(String(entry)));
    for (const entry of missing) log(`skipped: there is no ${entry}`);
    return missing.length === 0;
  };
}

if (import.meta.filename === process.argv[1]) {
  const production = process.argv.includes('--production');
  await bundle({ production });
  if (process.argv.includes('--watch')) {
    for (const options of Object.values(bundles(join(root, 'dist'), production)).flat()) {
      await (await context(options)).watch();
    }
  }
}
