/** Bugs in what a node remembers on disk. */

import type { Mutant } from "../mutant.ts";

export const STORE: readonly Mutant[] = [
  {
    name: "room-left-in-a-full-segment",
    stands:
      "A segment keeps the zeros behind its last batch when another follows, and is refused at the next start",
    tests: ["test/store/wal-room.test.ts > is cut off before the next segment appears"],
  },
  {
    name: "void-run-of-lost-segments",
    stands: "A log that was compacted and then cut back to its base misses entries that it need not have",
    tests: ["test/store/wal-shape.test.ts > misses nothing that is gone"],
  },
  {
    name: "outcome-lost-behind-a-gap",
    stands:
      "T56: forgetting one outcome hides another whose key has the same place, and its retry counts again",
    tests: ["test/store/outcome-index.test.ts > grows, and keeps all that it holds"],
  },
  {
    name: "committed-outcome-not-found",
    stands: "T56: outcomes are found only until they are committed",
    tests: ["test/store/state-outcomes.test.ts > are given again"],
  },
  {
    name: "session-outlives-its-end-in-memory",
    stands: "A session that has expired goes on in memory",
    tests: ["test/store/state-sessions.test.ts > are gone at the end of their window"],
  },
  {
    name: "damage-taken-for-a-torn-tail",
    stands: "T54: a damaged batch in the middle is cut off with all that follows",
    tests: ["test/store/wal-damage.test.ts > is refused for a flipped bit anywhere before the last batch"],
  },
  {
    name: "checksum-not-compared",
    stands: "T54: the checksum of a batch is not looked at",
    tests: ["test/store/wal-damage.test.ts > is refused for a flipped bit anywhere before the last batch"],
  },
  {
    name: "chain-not-checked-at-start",
    stands: "A log whose entries do not belong together is read without a word",
    tests: ["test/store/wal-damage.test.ts > is refused where the chain of hashes breaks"],
  },
  {
    name: "log-without-fsync",
    stands: "A write resolves before it is durable",
    tests: ["test/store/wal.test.ts > resolves a write only after its sync"],
  },
  {
    name: "new-segment-without-fsync",
    stands: "A segment begun under load is written without syncing",
    tests: ["test/store/wal-power.test.ts > holds after every crash"],
  },
  {
    name: "segment-named-before-it-is-whole",
    stands: "A segment gets its name before its content is durable",
    tests: ["test/store/wal-power.test.ts > holds after every crash"],
  },
  {
    name: "folder-not-synced",
    stands: "The name of a new segment is not made durable",
    tests: ["test/store/wal-power.test.ts > holds after every crash"],
  },
  {
    name: "found-entries-not-synced",
    stands: "What a killed process had written is acknowledged after a restart without being synced",
    tests: ["test/store/wal-found.test.ts > are durable once the log is open"],
  },
  {
    name: "failed-sync-trusted",
    stands: "fsyncgate: what a failed sync left in the cache is built on, and is not on the disk",
    tests: ["test/store/wal-found.test.ts > is durable once the next process has opened the log"],
  },
  {
    name: "failed-write-swallowed",
    stands: "T51: an error of the disk is not told to who waits",
    tests: ["test/store/wal.test.ts > latches the first failure of any operation"],
  },
  {
    name: "failed-write-tried-again",
    stands: "T51: after a failed write the log goes on",
    tests: ["test/store/wal.test.ts > latches the first failure of any operation"],
  },
  {
    name: "needed-segment-deleted",
    stands: "A segment that still holds entries of the log is deleted",
    tests: ["test/store/wal.test.ts > begins new segments, and deletes those"],
  },
  {
    name: "applied-index-in-another-transaction",
    stands: "T52: the applied index is written in a transaction of its own",
    tests: ["test/store/state-transaction.test.ts > is one transaction"],
  },
  {
    name: "commit-only-when-asked",
    stands:
      "What was applied is committed when somebody asks for it only: a crash takes back any number of applies",
    tests: ["test/store/state-commit.test.ts > is committed soon after the answer"],
  },
  {
    name: "late-commit-fails-in-silence",
    stands: "A commit that nobody waits for fails, and the state goes on",
    tests: ["test/store/state-commit.test.ts > stops the state for good, and says so"],
  },
  {
    name: "snapshot-without-the-last-applies",
    stands: "A snapshot is taken of what is in the file, without what was applied last",
    tests: ["test/store/state-commit.test.ts > is in the file for whoever shares it"],
  },
  {
    name: "row-not-checked",
    stands: "A damaged row is served",
    tests: ["test/store/state-damage.test.ts > is found when the row is read"],
  },
  {
    name: "compacted-without-a-snapshot",
    stands: "T48: the log is cut although no snapshot reaches so far",
    tests: ["test/store/open.test.ts > refuses to compact beyond the snapshot"],
  },
  {
    name: "log-behind-the-state",
    stands: "T17: a log that ends before what was applied is taken for whole",
    tests: ["test/store/open.test.ts > refuses a log that ends before what state.db has applied"],
  },
  {
    name: "state-behind-the-log",
    stands: "T53: a state that is older than the log’s first entry is taken as it is",
    tests: ["test/store/open.test.ts > takes a lost snapshot again while the state is at hand"],
  },
  {
    name: "vote-kept-into-a-later-term",
    stands: "Installing a snapshot of a later term keeps the vote of the earlier one",
    tests: ["test/store/recover.test.ts > keep the vote over an installation"],
  },
  {
    name: "snapshot-not-verified",
    stands: "A received snapshot is taken for what its manifest says",
    tests: ["test/store/snapshot-receive.test.ts > refuses a flipped bit"],
  },
  {
    name: "old-snapshot-gone-too-early",
    stands: "The snapshot before is removed although somebody reads it",
    tests: ["test/store/snapshot-store.test.ts > keeps the older snapshot until the newer one is durable"],
  },
  {
    name: "old-wal-onto-the-new-state",
    stands: "A restore renames before it removes the old state’s WAL",
    tests: ["test/store/state-transaction.test.ts > has none of the old state"],
  },
  {
    name: "state-never-synced",
    stands: "State.db is written without ever being synced, so that a power cut can tear it",
    tests: ["test/store/state-transaction.test.ts > is synced at each checkpoint"],
  },
  {
    name: "row-before-the-first-page",
    stands: "A row that is below all that there should be passes the check of a whole table",
    tests: ["test/store/whole-tables.test.ts > is refused with a sound row before the first outcome"],
  },
  {
    name: "text-taken-for-bytes",
    stands: "An outcome whose bytes have become text is taken for sound",
    tests: ["test/store/whole-tables.test.ts > has no text where"],
  },
  {
    name: "members-wait-uncounted",
    stands: "Any number of members waits for one commit",
    tests: ["test/store/state-commit.test.ts > is committed at once when 2,048 rows wait"],
  },
  {
    name: "log-of-sqlite-unbounded",
    stands: "SQLite's log is never found to be due for a checkpoint",
    tests: ["test/store/state-store.test.ts > keeps SQLite's own log bounded under load"],
  },
];
