/** Bugs in replication, commitment and flow control. */

import type { Mutant } from "../mutant.ts";

export const REPLICATION: readonly Mutant[] = [
  {
    name: "commit-of-an-earlier-term",
    stands: "T15: an entry of an earlier term is committed by counting (figure 8)",
    simulator: ["I8"],
    tests: ["test/raft/bugs-replication.test.ts > T15"],
  },
  {
    name: "follower-commits-what-it-has",
    stands: "T16: a follower commits up to its own last entry, covered or not",
    tests: ["test/raft/bugs-replication.test.ts > T16: a follower commits"],
  },
  {
    name: "follower-acknowledges-what-it-has",
    stands: "P5: a follower acknowledges its own last entry, covered or not",
    tests: ["test/raft/bugs-replication.test.ts > T16: a follower acknowledges"],
  },
  {
    name: "heartbeat-commits-beyond-match",
    stands: "T17: a heartbeat tells a commit beyond what the peer holds",
    simulator: [
      "assert: log: committed entries exist",
      "I7",
      "I8",
      "assert: log: committed entries exist - was the log of this n",
    ],
    tests: ["test/raft/bugs-replication.test.ts > T16: a heartbeat"],
  },
  {
    name: "late-append-cuts-the-tail",
    stands: "A late append without conflict drops what follows it",
    simulator: ["I8", "I7", "assert: log: a committed entry", "assert: log:"],
  },
  {
    name: "previous-term-not-compared",
    stands: "An append is taken wherever its index fits; the chain of hashes is not looked at either",
    simulator: [
      "assert: log: an entry does not continue",
      "I5",
      "I7",
      "assert: log: an entry does not continue the hash chain of th",
    ],
  },
  {
    name: "append-of-an-earlier-term-is-taken",
    stands: "An append of a deposed leader is taken in",
    simulator: [
      "I4",
      "I5",
      "I6",
      "I7",
      "I8",
      "assert: raft: two leaders",
      "assert: follower: two leaders",
      "assert: follower: two leaders in one term (election safety, ",
    ],
    tests: ["test/raft/late-words.test.ts > an append of a leader that has been replaced"],
  },
  {
    name: "acknowledgement-of-an-earlier-term-is-counted",
    stands: "An acknowledgement that was given in an earlier reign is counted in this one",
    tests: ["test/raft/late-words.test.ts > an acknowledgement of term"],
  },
  {
    name: "commit-of-one-half-only",
    stands: "In a joint configuration the new half commits alone",
    simulator: ["I8"],
    tests: ["test/raft/quorum.test.ts > has reached the lower of what the two halves"],
  },
  {
    name: "commit-of-the-better-half",
    stands: "In a joint configuration the half that is further commits",
    simulator: ["I8"],
    tests: ["test/raft/quorum.test.ts > has reached the lower of what the two halves"],
  },
  {
    name: "learner-counted",
    stands: "A learner counts when entries are committed (I15)",
    simulator: ["I8"],
    tests: ["test/raft/quorum.test.ts > has reached the lower of what the two halves"],
  },
  {
    name: "late-answer-ends-a-probe",
    stands:
      "A late answer to an earlier append ends a probe, and the whole window is sent once more for each",
    tests: ["test/raft/late-words.test.ts > that tells nothing new is no answer to a probe"],
  },
  {
    name: "late-append-refused-in-todays-words",
    stands:
      "A leader takes the answer to an append of its earlier reign for a refusal of what it sends today",
    tests: ["test/raft/late-words.test.ts > an append of a leader's own earlier reign"],
  },
  {
    name: "window-shut-by-lost-answers",
    stands: "T23: lost answers keep the in-flight window shut",
    simulator: ["I20"],
    tests: ["test/raft/bugs-replication.test.ts > T23"],
  },
  {
    name: "window-shut-by-partial-answers",
    stands: "An answer frees only an append that ends exactly where it does",
    tests: ["test/raft/progress.test.ts > frees the window of every append"],
  },
  {
    name: "probe-never-resumed",
    stands: "T27: an answer to a heartbeat does not wake a paused probe",
    simulator: ["I20"],
    tests: ["test/raft/bugs-replication.test.ts > T27"],
  },
  {
    name: "optimistic-match",
    stands: "What was sent counts as held",
    simulator: ["I8"],
    tests: ["test/raft/votes.test.ts > takes what it has sent for held only when"],
  },
  {
    name: "refusal-in-flight-rewinds-nothing",
    stands: "A refusal of a pipelined append is passed over: the peer is never probed again",
    simulator: ["I20"],
    tests: ["test/raft/progress.test.ts > makes a pipeline begin again"],
  },
  {
    name: "gap-in-an-append",
    stands: "T25: entries that do not follow their previous one are taken",
    tests: ["test/raft/bugs-replication.test.ts > T25"],
  },
  {
    name: "uncommitted-bytes-never-freed",
    stands: "T26: the account of uncommitted bytes only grows",
    simulator: ["I20"],
    tests: ["test/raft/bugs-replication.test.ts > T26"],
  },
  {
    name: "outcome-by-index-only",
    stands: "A proposal counts as committed if anything is committed at its index",
    simulator: ["I14", "answers are true", "exactly once", "a refused"],
    tests: ["test/raft/counting.test.ts > end exactly once, as committed if and only if"],
  },
  {
    name: "outcome-by-the-last-term",
    stands: "A proposal counts as superseded as soon as a later term is in the log, committed or not",
    simulator: ["a refused", "exactly once", "answers are true", "a refused write has not happened"],
    tests: ["test/raft/counting.test.ts > end exactly once, as committed if and only if"],
  },
  {
    name: "outcome-when-durable-here",
    stands: "A proposal counts as committed when it is on the leader’s own disk",
    simulator: [
      "I14",
      "answers are true",
      "exactly once",
      "a refused",
      "assert: combiner: every item has an outcome",
    ],
  },
  {
    name: "proposal-given-up-with-office",
    stands: "T55: a proposal is rejected, and so tried again, when its leader steps down",
    simulator: ["a refused", "exactly once", "answers are true", "a refused write has not happened"],
    tests: ["test/raft/counting.test.ts > end exactly once, as committed if and only if"],
  },
];
