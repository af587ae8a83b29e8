/** Bugs in what a command does to a counter, and in exactly once. */

import type { Mutant } from "../mutant.ts";

export const COUNTING: readonly Mutant[] = [
  {
    name: "no-deduplication",
    stands: "T56: a retry is executed again",
    simulator: ["exactly once", "I9"],
    tests: ["test/counter/once.test.ts > makes a retry get the first outcome"],
  },
  {
    name: "reused-key-is-a-repeat",
    stands: "A key that is used for another request gets the first request’s outcome",
    simulator: ["exactly once"],
    tests: [
      "test/counter/model.test.ts > does what the naive model does, through the codec, while memory is scarce",
    ],
  },
  {
    name: "refusals-are-not-remembered",
    stands: "A refused command is executed by its retry",
    simulator: ["exactly once"],
    tests: ["test/counter/once.test.ts > gives a refusal again too"],
  },
  {
    name: "young-outcomes-make-room",
    stands: "A full memory forgets outcomes that are younger than the floor",
    tests: [
      "test/counter/once.test.ts > refuses a new key rather than forget what is not older than the floor",
    ],
  },
  {
    name: "window-in-force-overstated",
    stands: "The window that is shown is the whole one while outcomes are forgotten early",
    tests: ["test/counter/once.test.ts > shrinks the window in force"],
  },
  {
    name: "window-ends-one-early",
    stands: "An outcome is forgotten at the very end of its window",
    tests: ["test/counter/once.test.ts > is over one millisecond of log time after its length"],
  },
  {
    name: "window-by-wall-clock",
    stands: "The window of remembered outcomes is measured with each node’s own clock",
    simulator: ["I9", "exactly once"],
    tests: ["test/counter/apply.test.ts > lets log time pass even if it holds nothing"],
  },
  {
    name: "expired-session-executes",
    stands: "A retry in a session that has expired is executed",
    simulator: ["exactly once", "counts like the model"],
    tests: ["test/counter/sessions.test.ts > never executes a number twice"],
  },
  {
    name: "answered-number-executes",
    stands: "A number that the client has the answer to is executed again",
    simulator: ["exactly once"],
    tests: ["test/counter/sessions.test.ts > never executes a number twice"],
  },
  {
    name: "late-message-takes-answers-back",
    stands: "A late message of a session sets its first unanswered number back",
    simulator: ["exactly once"],
    tests: ["test/counter/sessions.test.ts > is not moved on by a late message"],
  },
  {
    name: "session-evicted-in-use",
    stands: "A session that was used just now makes room for another",
    simulator: ["exactly once", "counts like the model"],
    tests: ["test/counter/sessions.test.ts > make no room while all are in use"],
  },
  {
    name: "session-use-not-counted",
    stands: "The use of a session does not prolong it",
    simulator: ["counts like the model"],
    tests: ["test/counter/sessions.test.ts > ends one millisecond after the window since its last use"],
  },
  {
    name: "overflow-wraps",
    stands: "A sum beyond the range wraps around",
    simulator: ["I9", "counts like the model"],
    tests: ["test/counter/change.test.ts > reaches both ends of the 64-bit range"],
  },
  {
    name: "bound-passed-by-one",
    stands: "An add may pass its maximum by one",
    tests: ["test/counter/change.test.ts > may reach its bounds"],
  },
  {
    name: "run-cut-one-late",
    stands: "A run counts one add more than fits",
    simulator: ["counts like the model"],
    tests: ["test/counter/run.test.ts > equals its adds one by one"],
  },
  {
    name: "run-cut-one-early",
    stands: "A run that ends exactly at the range loses its last add",
    simulator: ["counts like the model"],
    tests: ["test/counter/run.test.ts > equals its adds one by one"],
  },
  {
    name: "run-takes-one-revision",
    stands: "A run advances the revision by one",
    simulator: ["I9", "counts like the model"],
    tests: ["test/counter/run.test.ts > equals its adds one by one"],
  },
  {
    name: "run-answers-the-last-value",
    stands: "Every caller of a run gets the run’s first value",
    simulator: ["I13", "exactly once", "counts like the model"],
    tests: ["test/counter/combiner.test.ts > gives exactly what its order"],
  },
  {
    name: "batch-not-atomic",
    stands: "A refused batch keeps the changes before the refusal",
    simulator: ["I9", "exactly once", "counts like the model"],
    tests: ["test/counter/change.test.ts > is refused entirely"],
  },
  {
    name: "series-beyond-the-range",
    stands: "A batch of plain adds passes the end of the range",
    simulator: ["counts like the model"],
    tests: ["test/counter/series.test.ts > equals its adds one by one"],
  },
  {
    name: "series-counts-each-change-once",
    stands: "A batch that repeats a change makes it once",
    simulator: ["counts like the model"],
    tests: ["test/counter/series.test.ts > equals its adds one by one"],
  },
  {
    name: "batch-undone-in-the-wrong-order",
    stands: "A refused batch is taken back from its beginning, so that its middle stays",
    simulator: ["counts like the model"],
    tests: ["test/counter/change.test.ts > is refused entirely"],
  },
  {
    name: "revision-of-a-refused-batch",
    stands: "A refused batch uses up revisions",
    simulator: ["I9", "counts like the model"],
    tests: ["test/counter/change.test.ts > is refused entirely"],
  },
  {
    name: "once-more-after-a-batch",
    stands: "A member counted in a batch that was taken back is never counted",
    tests: ["test/counter/change.test.ts > that was refused leaves its members uncounted"],
  },
  {
    name: "member-outlives-its-counter",
    stands: "A member of a deleted counter is not counted by the counter that begins anew",
    tests: ["test/counter/change.test.ts > is refused entirely"],
  },
  {
    name: "members-stay-when-their-counter-goes",
    stands: "Deleting a counter leaves its members in the table",
    simulator: ["counts like the model"],
    tests: ["test/counter/change.test.ts > removes the counter and its members"],
  },
  {
    name: "revision-reused-after-a-delete",
    stands: "A deletion takes no revision of its own",
    simulator: ["counts like the model"],
    tests: ["test/counter/change.test.ts > lets the counter begin anew"],
  },
  {
    name: "expected-revision-of-a-ghost",
    stands: "A deleted counter still has its revision for a conditional set",
    tests: ["test/counter/change.test.ts > checks a revision against what its own changes"],
  },
  {
    name: "digest-forgets-a-row",
    stands: "The digest keeps the row that was replaced",
    tests: ["test/counter/digest.test.ts > follows the rows of every table"],
  },
  {
    name: "integers-through-a-float",
    stands: "Integers beyond 2^53 are rounded on their way through the log",
    simulator: ["error: a signed 64-bit integer was expected"],
    tests: ["test/counter/codec.test.ts > keeps every 64-bit integer exact"],
  },
  {
    name: "apply-with-chance",
    stands: "Applying is not deterministic",
    simulator: ["I9"],
    tests: [
      "test/counter/model.test.ts > does what the naive model does, through the codec, while memory is scarce",
    ],
  },
  {
    name: "batch-overtaken-by-a-run",
    stands: "An add joins a run across a batch that names its key",
    tests: ["test/counter/combiner.test.ts > tells each caller what the order of arrival would"],
  },
  {
    name: "log-time-runs-ahead",
    stands: "Log time is rounded up, entry by entry, so that records expire early",
    simulator: ["log time is time that passed"],
    tests: ["test/node/reducer-writes.test.ts > is 0 for the first entry of a term"],
  },
  {
    name: "log-time-counts-a-reign-in-between",
    stands: "A leader that returns to office counts the time since it last led",
    simulator: ["log time is time that passed"],
    tests: ["test/node/reducer-writes.test.ts > begins again at 0 with each term"],
  },
  {
    name: "log-time-goes-back",
    stands: "An entry may set log time back",
    simulator: ["assert: apply: log time", "error: a whole number was expected"],
  },
];
