/** Bugs in the order in which things become durable (P1 to P9). */

import type { Mutant } from "../mutant.ts";

export const DURABILITY: readonly Mutant[] = [
  {
    name: "votes-asked-before-the-own-is-durable",
    stands: "T01: vote requests leave before the own term and vote are durable",
    simulator: ["I11", "I2"],
    tests: ["test/raft/bugs-elections.test.ts > T01"],
  },
  {
    name: "own-vote-counted-at-once",
    stands: "T18: office is taken before the own vote and the own log are durable",
    simulator: ["I1", "I11", "assert: log:"],
    tests: ["test/raft/votes.test.ts > of a candidate for itself counts once"],
  },
  {
    name: "vote-answered-before-it-is-durable",
    stands: "P4: a granted vote leaves before it is on disk",
    simulator: ["I11", "I2", "I3"],
    tests: ["test/raft/outbox.test.ts > waits for what it claims to be durable"],
  },
  {
    name: "vote-not-written",
    stands: "T02: a vote in a term that was entered before is not written",
    simulator: ["I11", "I2", "assert: log:"],
    tests: ["test/raft/votes.test.ts > is remembered also in a term"],
  },
  {
    name: "term-said-before-it-is-durable",
    stands: "P2: words of a term leave before the term is on disk",
    simulator: ["I11", "I3"],
    tests: ["test/raft/outbox.test.ts > waits for what it claims to be durable"],
  },
  {
    name: "append-acknowledged-before-it-is-durable",
    stands: "An append is acknowledged before it is on disk",
    simulator: ["I11", "I8"],
    tests: ["test/raft/outbox.test.ts > waits for what it claims to be durable"],
  },
  {
    name: "old-acknowledgement-covers-new-entries",
    stands: "T20: a flush of entries that were truncated meanwhile makes others at their index durable",
    simulator: [
      "I11",
      "I8",
      "assert: invariant: what is durable",
      "assert: invariant: what is durable is in the log",
    ],
    tests: ["test/raft/bugs-replication.test.ts > T20"],
  },
  {
    name: "install-keeps-old-flushes",
    stands: "T20 with a snapshot: flushes of the log that gave way count for the new one",
    tests: ["test/raft/late-words.test.ts > makes nothing of the new log durable"],
  },
  {
    name: "durable-not-taken-back",
    stands: "A truncation leaves the durable index where it was",
    simulator: ["I11", "I8", "assert: invariant: what is durable", "I10", "assert: log:"],
    tests: ["test/raft/ledger.test.ts > is taken back by a truncation"],
  },
  {
    name: "flush-skipped-after-truncation",
    stands: "T21: what replaces a truncated tail at the same indexes is not written",
    simulator: ["I8", "I11", "assert: log:"],
    tests: ["test/raft/bugs-replication.test.ts > T21"],
  },
  {
    name: "late-completion-goes-back",
    stands: "T19: a completion out of order takes the watermark back",
    tests: ["test/raft/ledger.test.ts > is what its write carried, and a late word"],
  },
  {
    name: "leader-counts-its-own-unsynced-entries",
    stands: "The leader counts itself before its own fsync",
    simulator: ["I8"],
    tests: ["test/raft/votes.test.ts > counts its own entry when that is on its disk"],
  },
  {
    name: "applied-beyond-durable",
    stands: "P7: what is committed is applied before it is on this disk",
    simulator: ["I10", "I9"],
    tests: ["test/raft/log.test.ts > is committed and durable, each once"],
  },
  {
    name: "applied-before-committed",
    stands: "What is durable is applied, committed or not",
    simulator: ["I9", "I10"],
    tests: ["test/raft/log.test.ts > is committed and durable, each once"],
  },
  {
    name: "messages-not-held-back",
    stands: "The node lets go of what waits for its disk",
    simulator: ["I11"],
  },
];
