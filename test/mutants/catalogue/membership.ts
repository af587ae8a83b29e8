/** Bugs in changing who belongs to the cluster. */

import type { Mutant } from "../mutant.ts";

export const MEMBERSHIP: readonly Mutant[] = [
  {
    name: "change-before-an-entry-of-the-term",
    stands: "T34: a configuration is changed before an entry of the term is committed (the bug of 2015)",
    tests: ["test/raft/bugs-membership.test.ts > T34"],
  },
  {
    name: "change-while-another-is-open",
    stands: "A second change begins while one is under way",
    simulator: ["I12"],
  },
  {
    name: "configuration-in-force-when-committed",
    stands: "A configuration counts when it is committed, not when it is appended",
    simulator: ["I8", "I12", "I1", "R6"],
    tests: ["test/raft/log.test.ts > is the last one in the log, committed or not"],
  },
  {
    name: "truncation-keeps-the-configuration",
    stands: "R2: a truncated configuration stays in force",
    tests: ["test/raft/membership.test.ts > that the log loses again is out of force again, on disk too"],
  },
  {
    name: "joint-left-before-it-is-committed",
    stands: "T37: a joint configuration is left before both halves have committed it",
    simulator: ["I12", "I8", "R6"],
    tests: ["test/raft/bugs-membership.test.ts > T37"],
  },
  {
    name: "joint-of-another-leader-is-kept",
    stands: "T36: a new leader never leaves a joint configuration that it did not append",
    simulator: ["I20", "I12"],
    tests: ["test/raft/bugs-membership.test.ts > T36"],
  },
  {
    name: "removed-leader-counts-itself",
    stands: "A leader that is no voter any more counts itself",
    simulator: ["I8"],
    tests: ["test/raft/membership.test.ts > does not count itself, and leads until its leaving is committed"],
  },
  {
    name: "removed-leader-stays",
    stands: "T39: a leader that was removed goes on leading",
    simulator: ["R6", "I16"],
    tests: ["test/raft/bugs-membership.test.ts > T39: a leader"],
  },
  {
    name: "removed-leader-leaves-too-early",
    stands: "R6: a leader steps down when its removal is appended, not when it is committed",
    tests: ["test/raft/membership.test.ts > does not count itself, and leads until its leaving is committed"],
  },
  {
    name: "promoted-before-it-has-caught-up",
    stands: "T43: a learner is promoted however far behind it is",
    simulator: ["R7"],
    tests: ["test/raft/bugs-membership.test.ts > T43: a learner that has not"],
  },
  {
    name: "promoted-against-an-old-commit",
    stands: "R7: a learner is judged by what was committed when the leader took office",
    simulator: ["R7"],
    tests: ["test/raft/bugs-membership.test.ts > T43: a learner that has not"],
  },
  {
    name: "removed-id-comes-back",
    stands: "R9: who was removed is forgotten, and its id and data directory may come back",
    simulator: ["R9"],
    tests: ["test/raft/configuration.test.ts > remove for good"],
  },
  {
    name: "incarnation-comes-back",
    stands: "T44: the data directory of a node that left comes back under another id",
    tests: ["test/raft/change-problem.test.ts > is refused for a data directory that was another node"],
  },
  {
    name: "forged-incarnation-moves-a-member",
    stands: "A node with another data directory announces itself as a member that moved",
    tests: ["test/raft/change-problem.test.ts > is refused: a has another incarnation"],
  },
  {
    name: "elected-by-the-committed-configuration",
    stands: "T35: votes are counted by the configuration that is committed, not by the one in force",
    simulator: ["I1", "I8"],
    tests: ["test/raft/office.test.ts > is decided by the configuration in force"],
  },
  {
    name: "only-its-own-configuration-lets-it-campaign",
    stands: "T38: a node that an uncommitted configuration removes may not campaign",
    tests: ["test/raft/bugs-membership.test.ts > T38"],
  },
  {
    name: "configuration-of-the-base-forgotten",
    stands: "A compaction keeps the configuration that was in force before it",
    simulator: ["I12", "I8"],
    tests: ["test/raft/log.test.ts > outlives the compaction of the entry that brought it"],
  },
  {
    name: "meta-with-the-latest-configuration",
    stands: "T40: what is said of a position names the configuration of the log’s end",
    simulator: ["I12", "I8", "I1", "I10", "assert: log: the configuration at an index still held is kno"],
    tests: ["test/raft/log.test.ts > of a position is the last one up to there"],
  },
  {
    name: "install-keeps-a-later-configuration",
    stands: "T41: a snapshot leaves an uncommitted configuration of a higher index in force",
    tests: ["test/raft/bugs-membership.test.ts > T41"],
  },
  {
    name: "own-removal-commits-without-the-old-half",
    stands: "Learners and voters change at once: a single change takes effect without a joint configuration",
    simulator: ["I12", "I8", "I1", "I6"],
    tests: ["test/raft/configuration.test.ts > share a quorum"],
  },
  {
    name: "new-peer-begins-at-its-end",
    stands: "A peer that was just added counts as holding the log",
    simulator: ["I8", "I11", "assert: log: committed entries exist - was the log of this n"],
    tests: ["test/raft/office.test.ts > knows nothing of the log of a node"],
  },
  {
    name: "wiped-node-under-its-id",
    stands: "T44: a node whose disk was wiped is taken for the one that was there before",
    tests: ["test/store/identity.test.ts > are learnt once, durably, and never changed"],
  },
];
