/** When each message may leave: the table of outbox.ts, line by line (P2 to P5). */

import { describe, expect, it } from "vitest";
import { index, initialMeta, type Message, term } from "../../src/raft/index.ts";
import { Ledger } from "../../src/raft/ledger.ts";
import { RaftLog } from "../../src/raft/log.ts";
import { Outbox } from "../../src/raft/outbox.ts";
import { buildLog, configurationOf, entryId, message } from "./words.ts";

const BASE = initialMeta(configurationOf(["a", "b"]));
const TO = { from: "a", to: "b", term: 2 };
const AT_ONCE = 0;
const AFTER_THE_TERM = 1;
const AFTER_EVERYTHING = 2;

/** Entry 1 is durable; write 1 carries the term, write 2 an entry; nothing of both is durable. */
function writing(): Ledger {
  const log = new RaftLog(BASE, buildLog(BASE, [1]), { committed: index(0), applied: index(0) });
  const ledger = new Ledger({ term: term(1), vote: undefined, commit: index(0) }, log.last.index);
  ledger.take({ term: term(2), vote: undefined, log });
  log.extend(term(2), { kind: "noop" });
  ledger.take({ term: term(2), vote: undefined, log });
  return ledger;
}

const MESSAGES: readonly (readonly [string, Message, number])[] = [
  ["a request for a pre-vote", message("requestPreVote", TO, { last: entryId(1, 1) }), AT_ONCE],
  ["a granted pre-vote", message("preVoteResponse", TO, { granted: true }), AT_ONCE],
  ["a refused pre-vote", message("preVoteResponse", TO, { granted: false }), AFTER_THE_TERM],
  [
    "a request for a vote",
    message("requestVote", TO, { last: entryId(2, 2), transfer: false }),
    AFTER_EVERYTHING,
  ],
  ["a granted vote", message("voteResponse", TO, { granted: true }), AFTER_THE_TERM],
  ["a refused vote", message("voteResponse", TO, { granted: false }), AFTER_THE_TERM],
  [
    "an acceptance of what is durable",
    message("appendResponse", TO, { ok: true, match: index(1) }),
    AFTER_THE_TERM,
  ],
  [
    "an acceptance of what is not",
    message("appendResponse", TO, { ok: true, match: index(2) }),
    AFTER_EVERYTHING,
  ],
  [
    "a refusal of an append",
    message("appendResponse", TO, { ok: false, rejected: index(9), hint: entryId(0, 0) }),
    AFTER_THE_TERM,
  ],
  [
    "an append",
    message("append", TO, { previous: entryId(0, 0), previousChain: 0, entries: [], commit: index(0) }),
    AFTER_THE_TERM,
  ],
  [
    "a heartbeat",
    message("heartbeat", TO, { commit: index(0), leaderCommit: index(0), round: 1 }),
    AFTER_THE_TERM,
  ],
  ["an answer to a heartbeat", message("heartbeatResponse", TO, { round: 1 }), AFTER_THE_TERM],
  ["an order to take over", message("timeoutNow", TO, {}), AFTER_THE_TERM],
  ["a read index", message("readIndexResponse", TO, { id: 1, ok: true, index: index(1) }), AFTER_THE_TERM],
];

describe("a message", () => {
  it.each(MESSAGES)("waits for what it claims to be durable, and for no more: %s", (_what, one, seq) => {
    const ledger = writing();
    const outbox = new Outbox();
    outbox.push(one);
    expect(outbox.isEmpty).toBe(false);
    const held = seq === AT_ONCE ? [] : [{ seq, messages: [one] }];
    expect(outbox.take(ledger)).toEqual({ send: seq === AT_ONCE ? [one] : [], sendAfter: held });
    expect([outbox.isEmpty, outbox.take(ledger)]).toEqual([true, { send: [], sendAfter: [] }]);
    // Once the write is durable nothing holds it any more.
    ledger.persisted(Math.max(1, seq));
    outbox.push(one);
    expect(outbox.take(ledger)).toEqual({ send: [one], sendAfter: [] });
  });

  it("keeps its place among those that wait for the same write", () => {
    const outbox = new Outbox();
    const all = MESSAGES.map(([, one]) => one);
    for (const one of all) outbox.push(one);
    const waiting = (seq: number): readonly Message[] =>
      MESSAGES.filter(([, , needed]) => needed === seq).map(([, one]) => one);
    const { send, sendAfter } = outbox.take(writing());
    expect(send).toEqual(waiting(AT_ONCE));
    expect(new Map(sendAfter.map(({ seq, messages }) => [seq, messages]))).toEqual(
      new Map([
        [AFTER_THE_TERM, waiting(AFTER_THE_TERM)],
        [AFTER_EVERYTHING, waiting(AFTER_EVERYTHING)],
      ]),
    );
  });
});
