import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Prints each bundle's size, as it is and gzipped, and the VSIX's where one was packed. */
export default async function size(): Promise<void> {
  const checkout = fileURLToPath(new URL('..', import.meta.url));
  const dist = join(checkout, 'dist');
  const rows: (readonly [string, number, number])[] = [];
  for (const name of await readdir(dist)) {
    const path = join(dist, name);
    if (!(await stat(path)).isFile() || name.endsWith('.map')) continue;
    const bytes = readFileSync(path);
    rows.push([`dist/${name}`, bytes.length, gzipSync(bytes).length]);
  }
  for (const name of await readdir(checkout)) {
    if (name.endsWith('.vsix')) {
      const bytes = (await stat(join(checkout, name))).size;
      rows.push([name, bytes, bytes]);
    }
  }
  console.log(`${'file'.padEnd(32)}${'KB'.padStart(10)}${'gzip KB'.padStart(10)}`);
  for (const [name, bytes, zipped] of rows.toSorted(([, a], [, b]) => b - a)) {
    console.log(
      `${name.padEnd(32)}${(bytes / 1024).toFixed(1).padStart(10)}${(zipped / 1024).toFixed(1).padStart(10)}`,
    );
  }
}
