import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { checkout } from './machine.mjs';

// The bundles hold every module that the extension uses, so vsce needs to look for none.
const vsce = path.join(checkout, 'node_modules', '@vscode', 'vsce', 'vsce');
// The collector's database is native, so a package is for one platform. The README's picture travels inside it.
const args = [
  vsce,
  'package',
  '--no-dependencies',
  '--target',
  `${process.platform}-${process.arch}`,
  '--allow-missing-repository',
  '--no-rewrite-relative-links',
  ...process.argv.slice(2),
];
const { status, error } = spawnSync(process.execPath, args, { cwd: checkout, stdio: 'inherit' });
if (error) throw error;
process.exitCode = status ?? 1;
