/**
 * The form of every answer, as zod schemas: the OpenAPI document is made of these, and the tests hold every answer that
 * they get against it. The published schemas are open, since later versions may add fields; the tests' are not.
 */

import { z } from "zod";
import { ERRORS } from "../base/index.ts";

const isWhole = (value: unknown): boolean => typeof value === "bigint" || Number.isSafeInteger(value);

/** A whole number of up to 64 bits: a plain JSON integer, which parsers of JavaScript round beyond 2^53. */
function int64(description: string): z.ZodType {
  return z.custom(isWhole).meta({ type: "integer", format: "int64", description });
}

/** A whole number of any size: sums of many counters may leave 64 bits. */
function integer(description: string): z.ZodType {
  return z.custom(isWhole).meta({ type: "integer", description });
}

/** A whole number that a double holds. */
function count(description: string): z.ZodType {
  return z.int().nonnegative().meta({ description, maximum: undefined });
}

function ms(description: string): z.ZodType {
  return z
    .number()
    .nonnegative()
    .meta({ description: `${description}, ms` });
}

const key = z.string().meta({ description: "The counter's key" });
const value = int64("The counter's value");
const revision = count("The number of its latest change, and its ETag");
const place = {
  index: count("The entry of the log that the answer belongs to; `minIndex` of a read takes it"),
  term: count("The term of that entry"),
};
const changed = z
  .boolean()
  .meta({ description: "False if nothing changed, for instance because the `once` member had been seen" });
const applied = int64('With `"onLimit":"saturate"`: how much was added').optional();
const age = {
  ageMs: count(
    "Of a stale read: ms since this node last heard from a leader; absent if it never has",
  ).optional(),
};

const counterRow = z.object({ key, value, revision });
const leader = z.object({ id: z.string(), url: z.string() });

const counter = counterRow.extend({ ...place, ...age });
const incremented = counterRow.extend({ changed, applied, ...place });
const changedCounter = counterRow.extend({ changed, ...place });
const batchDone = z.object({ results: z.array(counterRow.extend({ changed, applied })), ...place });
const session = z.object({ session: count("Its id, for `Raftally-Session`"), ...place });
const allocated = z.object({
  key,
  from: int64("The first number of the range"),
  to: int64("The last number of the range"),
  count: count("How many there are"),
  value: int64("The counter's value: the last number that was handed out"),
  revision,
  ...place,
});
const more = z.boolean().meta({ description: "Whether there are more than were given" });
const page = z.object({
  counters: z.array(counterRow),
  next: z.string().meta({ description: "The `cursor` of the next page; absent on the last" }).optional(),
  ...place,
  ...age,
});
const group = z.object({
  prefix: z.string().meta({ description: "Ends with `:` unless it is the key of one counter" }),
  sum: integer("Exact, of any size"),
  counters: count("How many counters that is"),
});
const sum = z.object({
  prefix: z.string(),
  sum: integer("Of all values below the prefix; exact, of any size"),
  counters: count("How many counters that is"),
  groups: z.array(group),
  more,
  ...place,
  ...age,
});
const selection = z.object({ counters: z.array(counterRow), more: more.optional(), ...place, ...age });

const member = z.object({
  id: z.string(),
  incarnation: z.string().meta({ description: "The identity that its data directory drew: 32 hex digits" }),
  peer: z.string().meta({ description: "host:port for its peers" }),
  api: z.string().meta({ description: "The URL that clients are sent to" }),
});
const ids = z.array(z.string());
const configuration = z.object({
  voters: ids,
  outgoing: ids.meta({ description: "Not empty while a change goes from one set of voters to another" }),
  learners: ids,
  members: z.array(member),
  removed: z.array(member.pick({ id: true, incarnation: true })),
});
const memberStatus = member.extend({
  role: z.enum(["voter", "learner", "joining", "leaving"]),
  leads: z.boolean(),
  reachable: z.boolean().meta({ description: "Whether the node that answers has a link to it" }),
  match: count("Entries that it is known to hold; only the leader knows").optional(),
  catchUp: z
    .object({ percent: z.number(), msLeft: z.number().optional() })
    .meta({ description: "Until a learner has caught up: how far it is" })
    .optional(),
});
const members = z.object({ members: z.array(memberStatus), seenBy: z.string(), leader: leader.optional() });
const change = z.object({ index: count("The entry of the log that holds it"), configuration });
const tolerance = z.object({
  voters: count("Voters"),
  mayFail: count("Voters that may fail, of a cluster in which all are well"),
  reachable: count("Voters that can be reached now"),
});
const code = z.enum(Object.keys(ERRORS));
const plan = z.object({
  dryRun: z.literal(true),
  before: tolerance,
  after: tolerance,
  refusal: z
    .object({ code, detail: z.string(), retryAfterMs: count("Wait as long").optional() })
    .meta({ description: "Why it would be refused now; absent if it would not" })
    .optional(),
});
const transferred = z.object({ leader });

const peer = z.object({
  id: z.string(),
  api: z.string(),
  peer: z.string(),
  reachable: z.boolean(),
  roundTripMs: z.number().optional(),
  match: count("Known on the leader only").optional(),
  state: z.enum(["probe", "replicate", "snapshot"]).optional(),
});
const status = z.object({
  id: z.string(),
  incarnation: z.string(),
  clusterId: z.string().meta({ description: "Empty until the node knows to which cluster it belongs" }),
  peerAddress: z.string(),
  apiUrl: z.string(),
  state: z.enum(["joining", "forming", "running"]),
  version: z.string(),
  role: z.enum(["follower", "preCandidate", "candidate", "leader", "learner"]),
  term: count("The current term"),
  leader: leader.optional(),
  commit: count("Entries known to be on a majority"),
  applied: count("Entries that are in the counters"),
  last: count("The last entry of the log"),
  first: count("The first entry that is still in the log"),
  snapshot: count("The last entry that the latest snapshot covers"),
  revision: count("The number of the latest change"),
  counters: count("How many counters there are"),
  digest: z
    .number()
    .meta({ description: "Of everything that is stored; equal on equal nodes at equal `applied`" }),
  rememberedKeys: count("Idempotency keys that are remembered"),
  idempotencyWindowMs: count("How long each of them is, in ms of log time"),
  configuration,
  peers: z.array(peer),
  alarm: z.string().meta({ description: "Set when the digests of nodes differ" }).optional(),
  uptimeMs: ms("Since the process started"),
});

const problem = z
  .object({
    type: z.string().meta({ format: "uri-reference", description: "Leads to what the code means" }),
    title: z.string().meta({ description: "What the code means, in a sentence" }),
    status: z.int().meta({ description: "The HTTP status", maximum: 599, minimum: 300 }),
    detail: z.string().meta({ description: "What was wrong with this request, in a sentence" }),
    instance: z.string().meta({ description: "The request id, which the node's log has too" }),
    code: code.meta({ description: "For programs" }),
    outcome: z.enum(["not-applied", "unknown"]).meta({
      description: "`not-applied`: nothing has changed and nothing will. `unknown`: it may or may not count",
    }),
    retryAfterMs: count("After this many ms a retry makes sense; also in `Retry-After`").optional(),
    position: count("Which operation of a batch was refused, from 0").optional(),
    leader: leader.meta({ description: "Who takes writes" }).optional(),
  })
  .meta({ description: "A refusal: a problem document (RFC 9457)" });

/** The forms of other services. */
const elsewhere = {
  DataValue: z.object({ data: z.object({ value }) }),
  ItemsCounted: z.object({
    received: count("Items in the request"),
    counted: count("Those that had not been counted before"),
    counts: z.record(z.string(), value).meta({ description: "Each tenant's count" }),
    index: place.index.optional(),
    term: place.term.optional(),
  }),
  ItemCount: z.object({ count: value }),
  LabelValues: z.record(z.string(), value).meta({ description: "Each label's value" }),
  ErrorSentence: z.object({
    error: z.string(),
    code: code.optional(),
    outcome: z.enum(["not-applied", "unknown"]).optional(),
    position: count("Which of several was refused, from 0").optional(),
  }),
  ErrorsByField: z.object({
    errors: z.record(z.string(), z.union([z.string(), z.array(z.string())])).meta({
      description: "By field, sentences; `detail` where it is about no field",
    }),
    code: code.optional(),
    outcome: z.enum(["not-applied", "unknown"]).optional(),
  }),
};

/** Everything that an answer may be, by the name that it has under components/schemas. */
export const ANSWER_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Counter: counter,
  CounterRow: counterRow,
  Incremented: incremented,
  Changed: changedCounter,
  BatchDone: batchDone,
  Session: session,
  Allocated: allocated,
  Page: page,
  Sum: sum,
  Selection: selection,
  Leader: leader,
  Member: member,
  Configuration: configuration,
  MemberStatus: memberStatus,
  Members: members,
  MembershipChange: change,
  MembershipPlan: plan,
  MembershipAnswer: z.union([change, plan]),
  Transferred: transferred,
  NodeStatus: status,
  Problem: problem,
  ...elsewhere,
};
