/** The core's messages as lists: `[kind, from, to, term, …]`, the rest by kind. */

import { assertNever } from "../base/index.ts";
import type { Envelope, Message, MessageKind } from "../raft/index.ts";
import { decodeEntry, decodeId, encodeEntry, encodeId } from "./entry-codec.ts";
import { type Fields, UnknownKind } from "./fields.ts";

/** The number of each kind on the wire. Never reused, never changed. */
export const MESSAGE_CODES: Readonly<Record<MessageKind, number>> = {
  requestPreVote: 1,
  preVoteResponse: 2,
  requestVote: 3,
  voteResponse: 4,
  append: 5,
  appendResponse: 6,
  heartbeat: 7,
  heartbeatResponse: 8,
  timeoutNow: 9,
  readIndex: 10,
  readIndexResponse: 11,
};

const KINDS = new Map<number, MessageKind>();
for (const [kind, code] of Object.entries(MESSAGE_CODES)) KINDS.set(code, kind as MessageKind);

/** A message as the elements that follow the packet's kind. */
export function encodeMessage(message: Message): unknown[] {
  const { from, to, term } = message;
  return [MESSAGE_CODES[message.kind], from, to, term, ...bodyOf(message)];
}

function bodyOf(message: Message): unknown[] {
  switch (message.kind) {
    case "requestPreVote":
      return [encodeId(message.last)];
    case "requestVote":
      return [encodeId(message.last), message.transfer];
    case "preVoteResponse":
    case "voteResponse":
      return [message.granted];
    case "append": {
      const { previous, previousChain, commit, entries } = message;
      return [encodeId(previous), previousChain, commit, entries.map(encodeEntry)];
    }
    case "appendResponse":
      return message.ok ? [true, message.match] : [false, message.rejected, encodeId(message.hint)];
    case "heartbeat":
      return [message.commit, message.leaderCommit, message.round];
    case "heartbeatResponse":
      return [message.round];
    case "timeoutNow":
      return [];
    case "readIndex":
      return [message.id];
    case "readIndexResponse":
      return message.ok ? [message.id, true, message.index] : [message.id, false];
    default:
      return assertNever(message);
  }
}

/**
 * The message in the elements that follow the packet's kind.
 * @throws {UnknownKind} when there is no such kind of message here.
 * @throws {Malformed} when any field is not what it should be.
 */
export function decodeMessage(fields: Fields): Message {
  const code = fields.whole("kind");
  const kind = KINDS.get(code);
  if (kind === undefined) throw new UnknownKind(`message: no kind has the number ${code}`);
  const envelope = { from: fields.node("from"), to: fields.node("to"), term: fields.term("term") };
  switch (kind) {
    case "requestPreVote":
      return { ...envelope, kind, last: decodeId(fields.raw()) };
    case "requestVote":
      return { ...envelope, kind, last: decodeId(fields.raw()), transfer: fields.flag("transfer") };
    case "preVoteResponse":
    case "voteResponse":
      return { ...envelope, kind, granted: fields.flag("granted") };
    case "append":
      return decodeAppend(envelope, fields);
    case "appendResponse":
      return fields.flag("ok")
        ? { ...envelope, kind, ok: true, match: fields.index("match") }
        : { ...envelope, kind, ok: false, rejected: fields.index("rejected"), hint: decodeId(fields.raw()) };
    case "heartbeat":
      return {
        ...envelope,
        kind,
        commit: fields.index("commit"),
        leaderCommit: fields.index("leaderCommit"),
        round: fields.whole("round"),
      };
    case "heartbeatResponse":
      return { ...envelope, kind, round: fields.whole("round") };
    case "timeoutNow":
      return { ...envelope, kind };
    case "readIndex":
      return { ...envelope, kind, id: fields.whole("id") };
    case "readIndexResponse": {
      const id = fields.whole("id");
      return fields.flag("ok")
        ? { ...envelope, kind, id, ok: true, index: fields.index("index") }
        : { ...envelope, kind, id, ok: false };
    }
    default:
      return assertNever(kind);
  }
}

function decodeAppend(envelope: Envelope, fields: Fields): Message {
  return {
    ...envelope,
    kind: "append",
    previous: decodeId(fields.raw()),
    previousChain: fields.hash("previousChain"),
    commit: fields.index("commit"),
    entries: fields.list("entries", decodeEntry),
  };
}
