/**
 * Seeds that have shown something: run first, and for ever. A seed draws another world when the simulator
 * changes, so what it showed is also tested by name where that is said.
 */

export interface Case {
  readonly seed: number;
  readonly showed: string;
}

export const CORPUS: readonly Case[] = [
  {
    seed: 20,
    showed:
      "a follower that had just restarted took the answer to a read of its earlier process, which had the same " +
      "number, for that to its own: a stale read (test/node/reducer-reads.test.ts)",
  },
  {
    seed: 242,
    showed:
      "a newer snapshot arrived between an install and its restore, and the file that the restore was to come from " +
      "was gone (test/node/driver.test.ts)",
  },
  {
    seed: 361,
    showed:
      "a node that a change removes and that has not heard of its commit may campaign (R4), win, and leave office in " +
      "the turn in which it opens its term: the checker of elections went by what the cluster had committed",
  },
  {
    seed: 643,
    showed:
      "a process that had been paused took in an append of one term and its truncation by a later one in the same turn, " +
      "and acknowledged the first once the second was on disk: harmless, and the checker of promises had called it a lie",
  },
  {
    seed: 373,
    showed:
      "a disk was wiped between its answer and the commit that counts it, which is no loss, because it never comes " +
      "back without what it held: the checker of commits looked for it in vain",
  },
];
