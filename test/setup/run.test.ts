import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commands } from '../../lab/setup/commands.mjs';
import { temporaryFolder } from './fake-machine.ts';

const setup = new URL('../../lab/setup/', import.meta.url);

async function ended(child: ReturnType<typeof spawn>) {
  await once(child, 'exit');
  return child.exitCode;
}

/** A process that hands over to `program`, as run.mjs does once everything is there. */
async function handingOver(program: string) {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'program.mjs');
  await writeFile(file, program);
  const toolchain = { node: process.execPath, skipped: [] };
  const script = `import { handOver } from ${JSON.stringify(new URL('hand-over.mjs', setup).href)};
    process.exitCode = await handOver(${JSON.stringify(file)}, ['--json'], ${JSON.stringify(toolchain)}, ${JSON.stringify(folder)});`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('what a command needs', () => {
  test('a headless start needs no window to open in', () => {
    expect(commands.get('start')?.needs(['--headless', '--json'])).toEqual(['pulumi']);
    expect(commands.get('start')?.needs([])).toContain('somewhere-to-open');
  });

  test('tests need everything, benches nothing beside dependencies and Node', () => {
    expect(commands.get('test')?.needs([])).toEqual(['pulumi', 'vscode', 'browser']);
    expect(commands.get('bench')?.needs([])).toEqual([]);
  });
});

describe('run.mjs', () => {
  test('an unknown command is refused with those there are, and stdout stays empty', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('run.mjs', setup)), 'strat'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [code, stdout, stderr] = await Promise.all([ended(child), text(child.stdout), text(child.stderr)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('There are: start, test');
  });
});

describe('the hand-over', () => {
  test('passes arguments, toolchain and streams on, and ends as the program ends', async () => {
    const child = await handingOver(
      'console.log(JSON.stringify([process.argv.slice(2), JSON.parse(process.env.PLUMBLINE_TOOLCHAIN).skipped])); process.exit(7);',
    );
    const [code, stdout] = await Promise.all([ended(child), text(child.stdout)]);
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual([['--json'], []]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'passes %s on and waits for the program to clean up',
    async (signal) => {
      const child = await handingOver(
        `process.on('${signal}', () => setTimeout(() => { console.log('clean'); process.exit(5); }, 50));
       setInterval(() => {}, 1000); console.log('ready');`,
      );
      let stdout = '';
      child.stdout?.setEncoding('utf8').on('data', (chunk) => {
        stdout += chunk;
        if (chunk.includes('ready')) child.kill(signal);
      });
      expect(await ended(child)).toBe(5);
      expect(stdout).toContain('clean');
    },
  );

  test('a program that a signal ended gives 128 and its number', async () => {
    const child = await handingOver("process.kill(process.pid, 'SIGKILL');");
    expect(await ended(child)).toBe(137);
  });
});
