import path from 'node:path';
import { browserStep } from './browser.mjs';
import { dependenciesStep } from './dependencies.mjs';
import { nodeStep } from './node.mjs';
import { pulumiStep } from './pulumi.mjs';
import { ensure, Unavailable } from './step.mjs';
import { desktopStep, vscodeStep } from './vscode.mjs';

/** @import { Command } from './commands.mjs' */
/** @import { Machine } from './machine.mjs' */
/** @import { Report } from './report.mjs' */
/** @import { Step } from './step.mjs' */
/** @import { Skipped, Toolchain } from './toolchain.mjs' */

/**
 * Makes sure of all that a command needs and says each step. What can't be had is listed in the toolchain's
 * `skipped`, and the command decides what that costs it; only without Node or dependencies can nothing run.
 * @param {Command} command
 * @param {readonly string[]} args of the command
 * @param {Machine} machine
 * @param {Report} report
 * @returns {Promise<Toolchain>}
 * @throws {Unavailable} for Node, for dependencies, and when the bundles can't be made
 */
export async function prepare(command, args, machine, report) {
  const node = await required(nodeStep, machine, report);
  const withNode = { ...machine, node };
  await required(dependenciesStep, withNode, report);
  if (command.bundles) await bundle(withNode, report);

  /** @type {Skipped[]} */
  const skipped = [];
  const needs = command.needs(args);
  const desktop = needs.includes('somewhere-to-open') ? await desktopStep.find(machine) : undefined;
  const server = needs.includes('vscode') || (needs.includes('somewhere-to-open') && !desktop);
  /**
   * @template T
   * @param {boolean} wanted
   * @param {Step<T>} step
   * @returns {Promise<T | undefined>}
   */
  const optional = async (wanted, step) => {
    if (!wanted) return undefined;
    const outcome = await attempt(step, withNode, report);
    if (outcome instanceof Unavailable) skipped.push({ name: step.name, reason: outcome.message });
    return outcome instanceof Unavailable ? undefined : outcome.value;
  };
  // Each waits mostly for something else: for the network, for a compiler, for the package manager.
  const [pulumi, vscode, chromium] = await Promise.all([
    optional(needs.includes('pulumi'), pulumiStep),
    optional(server, vscodeStep),
    optional(needs.includes('browser'), browserStep),
  ]);
  return {
    node,
    ...(pulumi && { pulumi }),
    ...(vscode && { vscode }),
    ...(desktop && { desktop: desktop.value }),
    ...(chromium && { chromium }),
    skipped,
  };
}

/**
 * @template T
 * @param {Step<T>} step
 * @param {Machine} machine
 * @param {Report} report
 * @returns {Promise<{value: T} | Unavailable>}
 */
async function attempt(step, machine, report) {
  const line = report.begin(step.name);
  try {
    const { value, text, already } = await ensure(step, machine, line.note);
    line.done(`${text} … ${already ? 'already there' : line.duration()}`);
    return { value };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    line.done(`${step.name} … skipped: ${error.message}`);
    return error;
  }
}

/**
 * @template T
 * @param {Step<T>} step
 * @param {Machine} machine
 * @param {Report} report
 * @returns {Promise<T>}
 */
async function required(step, machine, report) {
  const outcome = await attempt(step, machine, report);
  if (outcome instanceof Unavailable) {
    throw new Unavailable(`Nothing can run without ${step.name}. ${outcome.message}`);
  }
  return outcome.value;
}

/**
 * @param {Machine} machine
 * @param {Report} report
 */
async function bundle(machine, report) {
  const line = report.begin('bundles');
  try {
    await machine.run(machine.node, [path.join(machine.checkout, 'esbuild.mjs')], { cwd: machine.checkout });
  } catch (error) {
    machine.signal.throwIfAborted();
    throw new Unavailable(
      `The bundles can't be made. ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  line.done(`bundles … ${line.duration()}`);
}
