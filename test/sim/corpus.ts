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
];
