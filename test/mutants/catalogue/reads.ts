/** Bugs in linearizable reads. */

import type { Mutant } from "../mutant.ts";

export const READS: readonly Mutant[] = [
  {
    name: "read-without-a-round",
    stands: "A leader answers reads without asking whether it still leads",
    tests: ["test/raft/bugs-reads.test.ts > T30: an answer"],
  },
  {
    name: "read-before-an-entry-of-the-term",
    stands: "T28: a read is answered before an entry of the term is committed",
    simulator: ["I13"],
    tests: ["test/raft/bugs-reads.test.ts > T28"],
  },
  {
    name: "any-answer-confirms",
    stands: "T30 (etcd#20418): a peer that has answered any round confirms every later one",
    simulator: ["I13"],
    tests: ["test/raft/bugs-reads.test.ts > T30: an answer"],
  },
  {
    name: "read-joins-the-round-under-way",
    stands: "T30: a read that arrives while a round is under way is confirmed by it",
    tests: ["test/raft/bugs-reads.test.ts > T30: a read"],
  },
  {
    name: "answer-of-an-earlier-reign-confirms",
    stands:
      "T30: an answer to a heartbeat of an earlier term, whose rounds have the same numbers, confirms a read of this one",
    tests: ["test/raft/late-words.test.ts > an answer to a heartbeat of an earlier reign"],
  },
  {
    name: "read-index-of-what-is-applied",
    stands: "The read index is what the leader has applied, not what it has committed",
    simulator: ["I13"],
  },
  {
    name: "read-does-not-wait-for-its-index",
    stands: "A confirmed read is answered from whatever is applied",
    simulator: ["I13"],
  },
  {
    name: "forwarded-ids-begin-again",
    stands: "T30: the ids of forwarded reads begin again with each process",
    tests: ["test/node/reducer-reads.test.ts > does not take the answer to a read of an earlier process"],
  },
  {
    name: "reads-outlive-office",
    stands: "T33: reads stay open when their leader steps down",
    tests: ["test/raft/bugs-reads.test.ts > T33: reads end"],
  },
  {
    name: "forwarded-reads-outlive-their-leader",
    stands: "T33: forwarded reads stay open when the follower hears of another leader",
    tests: ["test/raft/late-words.test.ts > is given back when its follower goes over"],
  },
  {
    name: "read-by-lease",
    stands: "A leader whose peers answered lately serves reads without a round",
    tests: ["test/raft/bugs-reads.test.ts > T30: an answer"],
  },
  {
    name: "learner-confirms-reads",
    stands: "Learners count when a round is confirmed",
    simulator: ["I13"],
    tests: ["test/raft/answers.test.ts > confirms no read, although it answers"],
  },
  {
    name: "stale-read-too-young",
    stands: "The age of a stale read counts from the latest word of the leader, applied or not",
    tests: ["test/node/contact.test.ts > counts on a follower from the latest moment"],
  },
];
