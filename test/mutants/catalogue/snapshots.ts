/** Bugs in snapshots and in forgetting the log. */

import type { Mutant } from "../mutant.ts";

export const SNAPSHOTS: readonly Mutant[] = [
  {
    name: "install-keeps-the-suffix",
    stands: "T45: a snapshot is installed and the conflicting suffix stays",
    simulator: ["I5", "I10", "I8", "I11", "assert: log:"],
    tests: ["test/raft/log.test.ts > is that of a snapshot that is installed"],
  },
  {
    name: "old-snapshot-goes-back",
    stands: "A snapshot that is older than the commit index is installed",
    tests: ["test/raft/bugs-snapshots.test.ts > T46"],
  },
  {
    name: "snapshot-answered-at-once",
    stands: "P10: a snapshot is acknowledged before the log’s record of it is durable",
    simulator: ["I11", "I8", "I10"],
  },
  {
    name: "restored-before-it-is-durable",
    stands: "P10: the state is replaced before the log’s record of the snapshot is durable",
    tests: ["test/raft/snapshot.test.ts > leaves the state machine behind the log until it is restored"],
  },
  {
    name: "snapshot-to-whom-it-came-from",
    stands: "T50: a snapshot is acknowledged to nobody where the follower knows no leader of this term",
    tests: ["test/raft/answers.test.ts > says where it is although the snapshot tells it only"],
  },
  {
    name: "snapshot-transfer-never-ends",
    stands: "T47: a transfer of which nothing is heard is waited for for ever",
    tests: ["test/raft/bugs-snapshots.test.ts > T47: a transfer"],
  },
  {
    name: "any-acceptance-ends-the-wait",
    stands: "T50: an acceptance that does not connect to the log ends the wait for a snapshot",
    tests: ["test/raft/answers.test.ts > goes on waiting after a late acceptance"],
  },
  {
    name: "compacted-beyond-the-live-peers",
    stands: "What a live peer still lacks is compacted away, every time: snapshots without end",
    tests: ["test/raft/compaction.test.ts > keeps what a live peer has not acknowledged"],
  },
  {
    name: "snapshot-used-before-it-is-applied",
    stands: "The log is cut for a snapshot that holds more than is known to be applied",
    simulator: [
      "assert: raft: a snapshot holds applied entries",
      "assert: raft: a snapshot holds applied entries only",
    ],
    tests: ["test/node/reducer-writes.test.ts > may hold more than this node was told is applied"],
  },
  {
    name: "sessions-left-out-of-a-snapshot",
    stands: "The table of sessions is not part of the snapshot",
    simulator: ["I9"],
  },
  {
    name: "remembered-outcomes-left-out-of-a-snapshot",
    stands: "Remembered outcomes are not part of the snapshot",
    simulator: ["I9"],
  },
  {
    name: "snapshot-shares-its-rows",
    stands: "A snapshot changes with the state that it was copied from",
    simulator: ["I9", "I13"],
  },
  {
    name: "snapshot-shares-its-members",
    stands: "Members added later appear in an earlier snapshot",
    simulator: ["I9"],
  },
  {
    name: "state-of-an-older-configuration",
    stands: "T42: the state keeps the configuration that was in force before the latest one",
    tests: ["test/store/join.test.ts > learns the configuration from its log"],
  },
  {
    name: "truncation-of-what-is-committed",
    stands: "A conflict below the commit index truncates what is committed",
    simulator: ["I7", "I8", "I3", "assert: log:"],
    tests: ["test/raft/log.test.ts > never goes back, and never beyond the end"],
  },
];
