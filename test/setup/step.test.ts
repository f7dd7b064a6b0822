import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ensure, type Found, type Step, Unavailable, type Way } from '../../lab/setup/step.mjs';
import { fakeMachine } from './fake-machine.ts';

const quiet = () => {};

/** A step whose ways put their own name where `find` sees it. */
function step(ways: Record<string, (put: (value: string) => void) => void | Promise<void>>, there?: string) {
  let value = there;
  const tried: string[] = [];
  const made: Step<string> = {
    id: 'tool',
    name: 'the tool',
    find: async (): Promise<Found<string> | undefined> =>
      value === undefined ? undefined : { value, text: `the tool from ${value}` },
    ways: Object.entries(ways).map(
      ([name, obtain]): Way<string> => ({
        name,
        async obtain() {
          tried.push(name);
          await obtain((got) => {
            value = got;
          });
        },
      }),
    ),
  };
  return { made, tried };
}

const refuse = (why: string) => () => {
  throw new Error(why);
};

describe('ensure', () => {
  test('takes what is there and tries no way', async () => {
    const { made, tried } = step({ download: refuse('unused') }, 'before');
    expect(await ensure(made, await fakeMachine(), quiet)).toEqual({
      value: 'before',
      text: 'the tool from before',
      already: true,
    });
    expect(tried).toEqual([]);
  });

  test('tries the ways in their order and stops at the first that works', async () => {
    const { made, tried } = step({
      download: refuse('no network'),
      registry: (put) => put('registry'),
      build: (put) => put('build'),
    });
    expect(await ensure(made, await fakeMachine(), quiet)).toMatchObject({
      value: 'registry',
      already: false,
    });
    expect(tried).toEqual(['download', 'registry']);
  });

  test('a way that leaves nothing usable is not trusted', async () => {
    const { made } = step({ download: () => {}, build: (put) => put('build') });
    expect((await ensure(made, await fakeMachine(), quiet)).value).toBe('build');
  });

  test('gives the reason of every way when none works', async () => {
    const { made } = step({ download: refuse('no network'), build: () => {} });
    const outcome = ensure(made, await fakeMachine(), quiet);
    await expect(outcome).rejects.toBeInstanceOf(Unavailable);
    await expect(outcome).rejects.toThrow("download: no network; build: what it left can't be used");
  });

  test('leaves out what a person asked to leave out, and says so', async () => {
    const { made, tried } = step({ download: (put) => put('download') });
    const machine = await fakeMachine({ env: { PLUMBLINE_SETUP_SKIP: 'other, tool' } });
    await expect(ensure(made, machine, quiet)).rejects.toThrow('PLUMBLINE_SETUP_SKIP');
    expect(tried).toEqual([]);
  });

  test('an interrupt ends it: it is no reason to try the next way', async () => {
    const abort = new AbortController();
    const { made, tried } = step({
      download: () => {
        abort.abort();
        throw new Error('ended by SIGTERM');
      },
      build: (put) => put('build'),
    });
    const machine = await fakeMachine({ signal: abort.signal });
    await expect(ensure(made, machine, quiet)).rejects.toThrow(/abort/i);
    expect(tried).toEqual(['download']);
    expect(await readdir(path.join(machine.cache, 'locks'))).toEqual([]);
  });

  test('two at once do the work once', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { made, tried } = step({
      download: async (put) => {
        await finished;
        put('download');
      },
    });
    const machine = await fakeMachine();
    const notes: string[] = [];
    const first = ensure(made, machine, quiet);
    const second = ensure(made, machine, (text) => {
      notes.push(text);
      finish();
    });
    expect([(await first).already, (await second).already].sort()).toEqual([false, true]);
    expect(tried).toEqual(['download']);
    expect(notes).toEqual([`waiting for process ${process.pid}, which is getting it`]);
  });
});
