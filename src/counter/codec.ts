/**
 * The bytes of a payload: what the log holds and what travels between nodes. All are MessagePack arrays.
 *
 *     payload  [format, elapsed, [item ...]]
 *     item     [0, key, by, count]                                   a run
 *              [1, operation, once?]                                 a command
 *     operation[0, key, by, min?, max?, member?]                     add
 *              [1, key, value, ifRevision?]                          set
 *              [2, key, ifRevision?]                                 delete
 *              [3, [operation ...]]                                  batch, of add, set and delete
 *              [4]                                                   openSession
 *              [5, key, by, min?, max?, member?]                     add that saturates, with a bound
 *              [6, [operation ...], places]                          batch that says equal changes once
 *     places   of each change in order, which of the operations it is: bytes, or little-endian pairs of them
 *              where there are more than 256 operations
 *     ifRevision  a revision, 0: must not exist, -1: must exist
 *     once     key  or  [session, seq, firstUnanswered]
 *
 * A later program may append fields to any array but the lists; they are passed over here. That is allowed
 * only for fields without effect on the state, since replicas must agree: anything else raises the format,
 * which older programs refuse. A new kind of operation is refused by them as well, and only where it is used.
 */

import { assertNever } from "../base/index.ts";
import { arePlaces } from "./batch.ts";
import type { Item, Payload } from "./outcomes.ts";
import type {
  Add,
  Batch,
  Change,
  Command,
  Delete,
  ExpectedRevision,
  Once,
  OpenSession,
  Operation,
  SetValue,
} from "./types.ts";
import { BATCH_MAX } from "./validate.ts";
import * as wire from "./wire.ts";
import { MalformedBytes, type Wire } from "./wire.ts";

const FORMAT = 1;

const RUN = 0;
const COMMAND = 1;

const ADD = 0;
const SET = 1;
const DELETE = 2;
const BATCH = 3;
const OPEN_SESSION = 4;
const SATURATING_ADD = 5;
const REPEATING_BATCH = 6;

/** As many changes are told apart by one byte. */
const BYTE_VALUES = 256;

/** The bytes of a payload. Keys and members must not hold lone surrogates; integers must be in range. */
export function encodePayload(payload: Payload): Uint8Array {
  return wire.pack([FORMAT, payload.elapsed, payload.items.map(encodeItem)]);
}

/**
 * The payload that {@link encodePayload} made these bytes from.
 * @throws {MalformedBytes} if no encoder made them, or one of a newer format.
 */
export function decodePayload(bytes: Uint8Array): Payload {
  const [format, elapsed, items] = wire.unpackArray(bytes);
  if (format !== FORMAT) {
    // Only a number is shown: putting deeply nested lists into words would exhaust the stack.
    const shown = typeof format === "number" ? `${format}` : "that is no number";
    throw new MalformedBytes(`payload format ${shown} is not known; this program knows ${FORMAT}`);
  }
  return { elapsed: wire.countOf(elapsed), items: wire.arrayOf(items).map(decodeItem) };
}

function encodeItem(item: Item): Wire {
  if (item.kind === "run") return [RUN, wire.wireString(item.key), wire.wireInt64(item.by), item.count];
  const { operation, once } = item.command;
  if (once === undefined) return [COMMAND, encodeOperation(operation)];
  return [COMMAND, encodeOperation(operation), encodeOnce(once)];
}

function decodeItem(value: unknown): Item {
  const [tag, first, second, third] = wire.arrayOf(value);
  if (tag === COMMAND) return { kind: "command", command: decodeCommand(first, second) };
  if (tag !== RUN) throw new MalformedBytes("an item is neither a run nor a command");
  const by = wire.int64Of(second);
  const count = wire.countOf(third);
  if (by === 0n || count === 0) throw new MalformedBytes("a run adds something at least once");
  return { kind: "run", key: wire.stringOf(first), by, count };
}

function decodeCommand(operation: unknown, once: unknown): Command {
  const decoded = decodeOperation(operation);
  if (once === undefined || once === null) return { operation: decoded };
  return { operation: decoded, once: decodeOnce(once) };
}

function encodeOperation(operation: Operation): Wire {
  switch (operation.kind) {
    case "batch":
      return encodeBatch(operation);
    case "openSession":
      return [OPEN_SESSION];
    default:
      return encodeChange(operation);
  }
}

function encodeBatch({ changes, places }: Batch): Wire {
  const encoded = changes.map(encodeChange);
  if (places === undefined) return [BATCH, encoded];
  if (changes.length <= BYTE_VALUES) return [REPEATING_BATCH, encoded, Uint8Array.from(places)];
  const bytes = new Uint8Array(2 * places.length);
  for (const [at, place] of places.entries()) {
    bytes[2 * at] = place % BYTE_VALUES;
    bytes[2 * at + 1] = Math.floor(place / BYTE_VALUES);
  }
  return [REPEATING_BATCH, encoded, bytes];
}

function encodeChange(change: Change): Wire {
  const key = wire.wireString(change.key);
  switch (change.kind) {
    case "add":
      return wire.wireTuple([
        change.saturate === true ? SATURATING_ADD : ADD,
        key,
        wire.wireInt64(change.by),
        change.min === undefined ? undefined : wire.wireInt64(change.min),
        change.max === undefined ? undefined : wire.wireInt64(change.max),
        change.once === undefined ? undefined : wire.wireString(change.once),
      ]);
    case "set":
      return wire.wireTuple([SET, key, wire.wireInt64(change.value), wireExpected(change.ifRevision)]);
    case "delete":
      return wire.wireTuple([DELETE, key, wireExpected(change.ifRevision)]);
    default:
      return assertNever(change);
  }
}

/** No revision is negative, so that programs that do not know this one refuse it. */
const MUST_EXIST = -1;

function wireExpected(expected: ExpectedRevision | undefined): Wire | undefined {
  return expected === "any" ? MUST_EXIST : expected;
}

function expectedOf(value: unknown): ExpectedRevision {
  return value === MUST_EXIST ? "any" : wire.countOf(value);
}

function decodeOperation(value: unknown): Operation {
  const fields = wire.arrayOf(value);
  if (fields[0] === OPEN_SESSION) return { kind: "openSession" } satisfies OpenSession;
  if (fields[0] === BATCH) return decodeBatch(fields[1]);
  if (fields[0] === REPEATING_BATCH) return decodeRepeatingBatch(fields[1], fields[2]);
  return decodeChange(fields);
}

function decodeBatch(list: unknown): Batch {
  const changes = wire.arrayOf(list).map(decodeChange);
  if (changes.length === 0 || changes.length > BATCH_MAX) throw new MalformedBytes("a batch of a wrong size");
  return { kind: "batch", changes };
}

function decodeRepeatingBatch(list: unknown, written: unknown): Batch {
  const { changes } = decodeBatch(list);
  const bytes = wire.bytesOf(written);
  const width = changes.length <= BYTE_VALUES ? 1 : 2;
  const size = bytes.length / width;
  if (!Number.isInteger(size) || size > BATCH_MAX) throw new MalformedBytes("a batch of a wrong size");
  const places = new Uint16Array(size);
  for (let at = 0; at < size; at++) {
    const low = bytes[at * width] ?? 0;
    places[at] = width === 1 ? low : low + BYTE_VALUES * (bytes[at * width + 1] ?? 0);
  }
  if (!arePlaces(places, changes.length)) throw new MalformedBytes("a batch repeats what it does not hold");
  return { kind: "batch", changes, places };
}

function decodeChange(value: unknown): Change {
  const [tag, key, number, third, fourth, fifth] = wire.arrayOf(value);
  switch (tag) {
    case ADD:
      return decodeAdd([key, number, third, fourth, fifth]);
    case SATURATING_ADD:
      return decodeSaturatingAdd([key, number, third, fourth, fifth]);
    case SET: {
      const set: SetValue = { kind: "set", key: wire.stringOf(key), value: wire.int64Of(number) };
      const ifRevision = wire.optionalOf(third, expectedOf);
      return ifRevision === undefined ? set : { ...set, ifRevision };
    }
    case DELETE: {
      const remove: Delete = { kind: "delete", key: wire.stringOf(key) };
      const ifRevision = wire.optionalOf(number, expectedOf);
      return ifRevision === undefined ? remove : { ...remove, ifRevision };
    }
    default:
      throw new MalformedBytes("an operation of an unknown kind");
  }
}

function decodeAdd([key, by, lowest, highest, member]: readonly unknown[]): Add {
  const min = wire.optionalOf(lowest, wire.int64Of);
  const max = wire.optionalOf(highest, wire.int64Of);
  const once = wire.optionalOf(member, wire.stringOf);
  return {
    kind: "add",
    key: wire.stringOf(key),
    by: wire.int64Of(by),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(once === undefined ? {} : { once }),
  };
}

function decodeSaturatingAdd(fields: readonly unknown[]): Add {
  const add = decodeAdd(fields);
  if (add.min === undefined && add.max === undefined) {
    throw new MalformedBytes("an add that saturates has a bound");
  }
  return { ...add, saturate: true };
}

function encodeOnce(once: Once): Wire {
  if (once.kind === "key") return wire.wireString(once.key);
  return [once.session, once.seq, once.firstUnanswered];
}

function decodeOnce(value: unknown): Once {
  // A key in an array of one is a string that wire.ts had to wrap.
  if (!Array.isArray(value) || typeof value[0] === "string")
    return { kind: "key", key: wire.stringOf(value) };
  const [session, seq, firstUnanswered] = wire.arrayOf(value);
  return {
    kind: "session",
    session: wire.countOf(session),
    seq: wire.countOf(seq),
    firstUnanswered: wire.countOf(firstUnanswered),
  };
}
