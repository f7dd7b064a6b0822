/** `npm run bench -- NAME`: figures, side by side in one run. */
const benches: Readonly<
  Record<string, { readonly what: string; run(args: readonly string[]): Promise<void> }>
> = {
  calibration: {
    what: 'of the answers that say 80 %, how many are right: cross-validated over known incidents',
    run: async (args) => (await import('./rca/calibration.ts')).default(args),
  },
  diagnose: {
    what: 'a diagnosis over 2 million spans beside one bare scan of them; --large: over 20 million too',
    run: async (args) => (await import('./diagnose.ts')).default(args),
  },
  mcp: {
    what: 'the MCP server: time to initialize beside `node -e 0`, size, tokens of its definitions',
    run: async (args) => (await import('./mcp.ts')).default(args),
  },
  rca: {
    what: 'how often the culprit of known incidents comes first, beside simple methods',
    run: async (args) => (await import('./rca/table.ts')).default(args),
  },
  size: {
    what: 'the bundles and the VSIX, bytes',
    run: async () => (await import('./size.ts')).default(),
  },
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(name === '' ? 'Which one?' : `There is no bench “${name}”.`);
  for (const [key, { what }] of Object.entries(benches))
    console.error(`  npm run bench -- ${key.padEnd(12)} ${what}`);
  process.exitCode = 2;
} else {
  await bench.run(args);
}
