import { runCommand } from './command.ts';
import { failed, passed, type Stage } from './stage.ts';

/** A tool that says yes or no about the source as a whole. */
function check(name: string, tool: string, args: readonly string[]): Stage {
  return {
    name,
    async run(signal) {
      const { code, stdout, stderr } = await runCommand(process.execPath, [tool, ...args], { signal });
      return code === 0 ? passed(1) : failed(name, `${stdout}\n${stderr}`.trim().slice(-6000));
    },
  };
}

export const checks: readonly Stage[] = [
  check('format and lint', 'node_modules/@biomejs/biome/bin/biome', [
    'ci',
    '--colors=off',
    '--error-on-warnings',
    '.',
  ]),
  check('types: node', 'node_modules/typescript/bin/tsc', ['-p', '.']),
  check('types: webview', 'node_modules/typescript/bin/tsc', ['-p', 'src/webview']),
  check('types: lab program', 'node_modules/typescript/bin/tsc', ['-p', 'lab/program', '--noEmit']),
  check('import rules', 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', [
    '--config',
    '.dependency-cruiser.mjs',
    'src',
    'lab',
    'bench',
    'test',
  ]),
  check('unused code', 'node_modules/knip/bin/knip.js', ['--no-progress']),
];
