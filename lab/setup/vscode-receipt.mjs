import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Says of a server's folder that it is whole, and what belongs to it.
 * @typedef {object} Receipt
 * @property {string} node the Node that its native modules were made for
 * @property {string} from where it came from, in words
 */

/** @param {string} root */
const file = (root) => path.join(root, 'plumbline.json');

/**
 * @param {string} root
 * @param {Receipt} receipt
 */
export async function writeReceipt(root, receipt) {
  await writeFile(file(root), JSON.stringify(receipt));
}

/**
 * @param {string} root
 * @returns {Promise<Receipt | undefined>}
 */
export async function readReceipt(root) {
  try {
    return JSON.parse(await readFile(file(root), 'utf8'));
  } catch {
    return undefined;
  }
}
