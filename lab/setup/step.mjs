import path from 'node:path';
import { withLock } from './lock.mjs';

/** @import { Machine } from './machine.mjs' */

/**
 * One thing that a command needs, and how to come by it.
 * @template T
 * @typedef {object} Step
 * @property {string} id the step's name for people who want to leave it out, e.g. `browser`
 * @property {string} name as it is printed
 * @property {(machine: Machine) => Promise<Found<T> | undefined>} find looks, and installs nothing
 * @property {readonly Way<T>[]} ways in the order in which they are tried
 * @property {(machine: Machine) => string} [lock] the lock's name, where the step's own is too wide
 */

/**
 * @template T
 * @typedef {object} Found
 * @property {T} value
 * @property {string} text what was found, for the printed line: name, version, and what is special about it
 */

/**
 * @template T
 * @typedef {object} Way
 * @property {string} name e.g. `download`, as it stands in a reason
 * @property {(machine: Machine, note: (text: string) => void) => Promise<void>} obtain
 *   leaves the thing where `find` finds it, or rejects with the reason; `note` says what takes long
 */

/**
 * @template T
 * @typedef {Found<T> & {already: boolean}} Obtained
 */

/** None of a step's ways led there. The message is the reason as it is printed and handed on. */
export class Unavailable extends Error {}

/**
 * Finds what a step is for, or gets it by the first of its ways that works.
 * @template T
 * @param {Step<T>} step
 * @param {Machine} machine
 * @param {(text: string) => void} note
 * @returns {Promise<Obtained<T>>}
 * @throws {Unavailable} with the reason of every way
 */
export async function ensure(step, machine, note) {
  const wanted = (machine.env['PLUMBLINE_SETUP_SKIP'] ?? '').split(',').map((id) => id.trim());
  if (wanted.includes(step.id)) throw new Unavailable('asked for by PLUMBLINE_SETUP_SKIP');
  const there = await step.find(machine);
  if (there) return { ...there, already: true };

  const lock = path.join(machine.cache, 'locks', `${step.lock?.(machine) ?? step.id}.lock`);
  const onWait = (/** @type {string} */ holder) => note(`waiting for ${holder}, which is getting it`);
  return withLock(lock, { signal: machine.signal, onWait }, async () => {
    const meanwhile = await step.find(machine);
    if (meanwhile) return { ...meanwhile, already: true };
    /** @type {string[]} */
    const reasons = [];
    for (const way of step.ways) {
      try {
        await way.obtain(machine, note);
        const got = await step.find(machine);
        if (got) return { ...got, already: false };
        reasons.push(`${way.name}: what it left can't be used`);
      } catch (error) {
        machine.signal.throwIfAborted();
        reasons.push(`${way.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new Unavailable(reasons.join('; ') || 'there is no way to get it here');
  });
}
