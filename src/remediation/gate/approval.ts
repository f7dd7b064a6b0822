import { Problem } from '../../problem.ts';

/**
 * A person's yes to one diff. It lives in the memory of this process alone, holds for one use and for a limited time;
 * nothing on disk or in a setting can stand in for it.
 */
export class Approval {
  readonly diffSha256: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  #used = false;

  constructor(diffSha256: string, expiresAt: number) {
    this.diffSha256 = diffSha256;
    this.expiresAt = expiresAt;
  }

  /** Throws where it no longer holds. */
  check(now: number): void {
    if (this.#used) {
      throw new Problem('stale', 'The approval was used already.', 'Review the diff and approve it again.');
    }
    if (now >= this.expiresAt) {
      throw new Problem('stale', 'The approval has expired.', 'Review the diff and approve it again.');
    }
  }

  /** Uses it up. */
  take(now: number): void {
    this.check(now);
    this.#used = true;
  }
}
