/** Bugs in elections, pre-votes and leadership transfer. */

import type { Mutant } from "../mutant.ts";

export const ELECTIONS: readonly Mutant[] = [
  {
    name: "vote-twice-in-a-term",
    stands: "Two votes in one term",
    simulator: ["I2", "I1", "assert: log:"],
    tests: ["test/raft/votes.test.ts > is given once in a term"],
  },
  {
    name: "vote-cleared-by-stepping-down",
    stands: "T05: stepping down within a term clears the vote",
    simulator: ["I2", "I1", "assert: log:"],
    tests: ["test/raft/bugs-elections.test.ts > T05"],
  },
  {
    name: "vote-recorded-by-seeing-a-term",
    stands:
      "T04: meeting a higher term is recorded as a vote for whoever brought it, and a repeated vote is not judged again",
    simulator: ["I6", "I7", "assert: log:"],
    tests: ["test/raft/bugs-elections.test.ts > T04"],
  },
  {
    name: "vote-beside-a-known-leader",
    stands: "T06: voting although a leader of this term is known",
    tests: ["test/raft/bugs-elections.test.ts > T06"],
  },
  {
    name: "longer-log-wins",
    stands: "No check of the last term in a vote: the longer log wins",
    simulator: ["I6", "I7"],
    tests: ["test/raft/log.test.ts > is decided by the last term and then by the length"],
  },
  {
    name: "later-term-wins-whatever-its-length",
    stands: "Among logs that end in the same term the shorter one is good enough",
    simulator: ["I6", "I7"],
    tests: ["test/raft/log.test.ts > is decided by the last term and then by the length"],
  },
  {
    name: "late-vote-of-an-earlier-term",
    stands: "A granted vote of an earlier term is counted in this one",
    simulator: ["I1"],
    tests: ["test/raft/late-words.test.ts > a vote of an earlier election"],
  },
  {
    name: "pre-vote-skipped",
    stands: "No pre-vote: a node that was cut off comes back with a higher term (I16)",
    simulator: ["I16"],
    tests: ["test/raft/votes.test.ts > comes before each election"],
  },
  {
    name: "link-that-stands-hurries-nobody",
    stands: "Nodes that were all started together wait out their timers, although a majority is there",
    tests: ["test/node/first-leader.test.ts > nodes that were all started together have a leader"],
  },
  {
    name: "hurried-by-every-link",
    stands: "Each link that stands draws a moment anew: where many nodes meet, all of them ask at once",
    tests: ["test/raft/election-clock.test.ts > a link that stands after another one"],
  },
  {
    name: "hurried-after-voting",
    stands:
      "Whoever has just voted asks for votes itself as soon as a link stands, and its term ends that election",
    tests: ["test/raft/election-clock.test.ts > a link that stands does not hurry whoever has just voted"],
  },
  {
    name: "hurried-beside-a-leader",
    stands: "Whoever hears from a leader asks for votes as soon as a link to anybody stands",
    tests: ["test/raft/election-clock.test.ts > a link that stands hurries nobody who has a leader"],
  },
  {
    name: "pre-vote-ignores-a-live-leader",
    stands: "A pre-vote granted although a leader lives",
    simulator: ["I16", "I20"],
    tests: ["test/raft/votes.test.ts > is not answered by whoever hears from a leader"],
  },
  {
    name: "vote-request-deposes-a-live-leader",
    stands: "Thesis 4.2.3: a request of a higher term is entered although a leader is well",
    tests: ["test/raft/late-words.test.ts > is passed over while a leader is well"],
  },
  {
    name: "pre-vote-refused-to-the-leader",
    stands: "T09: a leader that stepped down is refused because it is the known leader",
    tests: ["test/raft/bugs-elections.test.ts > T09"],
  },
  {
    name: "pre-vote-grant-refreshes-the-timer",
    stands: "T09: granting a pre-vote counts as word from a leader",
    simulator: ["I20"],
    tests: ["test/raft/bugs-elections.test.ts > T09"],
  },
  {
    name: "pre-vote-refusal-keeps-its-term",
    stands: "T08: pre-vote never spreads the higher term",
    tests: ["test/raft/bugs-elections.test.ts > T08"],
  },
  {
    name: "pre-votes-are-votes",
    stands: "T09: whoever wins the pre-vote leads",
    simulator: ["I1"],
    tests: ["test/raft/votes.test.ts > that is won begins an election"],
  },
  {
    name: "fixed-election-timeout",
    stands: "T13: the election timeout is not drawn anew",
    simulator: ["I20"],
    tests: ["test/raft/bugs-elections.test.ts > T13"],
  },
  {
    name: "votes-of-one-half-only",
    stands: "An election in a joint configuration is won with the new half alone",
    simulator: ["I1", "I8"],
    tests: ["test/raft/quorum.test.ts > is won with a majority of both halves"],
  },
  {
    name: "half-is-a-majority",
    stands: "Half of an even number of voters counts as a majority",
    simulator: ["I8", "I1"],
    tests: ["test/raft/quorum.test.ts > is won with a majority of both halves"],
  },
  {
    name: "vote-only-for-members",
    stands: "T14: votes are refused to candidates outside of one’s own configuration",
    tests: ["test/raft/bugs-elections.test.ts > T14"],
  },
  {
    name: "timeout-now-asks-first",
    stands: "T11: an ordered successor begins with a pre-vote, which is refused while the leader lives",
    tests: ["test/raft/bugs-elections.test.ts > T11"],
  },
  {
    name: "transfer-to-a-stale-successor",
    stands: "T12: the successor is told before it holds the whole log",
    tests: ["test/raft/bugs-elections.test.ts > T12"],
  },
  {
    name: "transfer-without-a-fence",
    stands: "T12: proposals are taken while leadership is handed over",
    tests: ["test/raft/bugs-elections.test.ts > T12"],
  },
  {
    name: "transfer-to-a-learner",
    stands: "T12: leadership is handed to a node without a vote",
    tests: ["test/raft/bugs-elections.test.ts > T12"],
  },
  {
    name: "campaign-while-installing",
    stands: "T47: a node campaigns with a snapshot half installed",
    tests: ["test/raft/bugs-snapshots.test.ts > T47"],
  },
  {
    name: "leader-without-a-quorum-stays",
    stands: "A leader that no quorum answers goes on leading (check-quorum)",
    simulator: ["I20"],
    tests: [
      "test/raft/votes.test.ts > that no quorum has answered",
      "test/raft/answers.test.ts > does not keep a leader in office that no voter answers",
    ],
  },
];
