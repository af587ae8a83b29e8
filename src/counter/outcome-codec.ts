/**
 * The bytes of a remembered outcome. They are counted in the digest, so equal outcomes must give equal bytes
 * on every node, and a change to the bytes is a change to the format of the replicated state.
 *
 *     done     [format, 0, [value, revision, changed, value, ...], session?, [applied, ...]?]
 *     refused  [format, 1, code, detail, position]
 *
 * There is one `applied` for each add that saturates, in order; no list if there is no such add.
 *
 * Keys are left out. An outcome is only ever given again for the operation that it came from, whose keys are
 * the same; leaving them out halves what a million remembered increments take.
 */

import { changesOf } from "./batch.ts";
import type { Change, Changed, Operation, Outcome, RefusalCode } from "./types.ts";
import * as wire from "./wire.ts";
import { MalformedBytes, type Wire } from "./wire.ts";

const FORMAT = 1;

const DONE = 0;
const REFUSED = 1;

/** The number of each code in the bytes; numbers are never given to another code. */
const CODE_NUMBERS: Readonly<Record<RefusalCode, number>> = {
  COUNTER_OVERFLOW: 1,
  LIMIT_REACHED: 2,
  REVISION_MISMATCH: 3,
  COUNTER_NOT_FOUND: 4,
  IDEMPOTENCY_KEY_REUSED: 5,
  IDEMPOTENCY_CAPACITY: 6,
  SESSION_EXPIRED: 7,
};

const CODES: ReadonlyMap<unknown, RefusalCode> = new Map(
  Object.entries(CODE_NUMBERS).map(([code, number]) => [number, code as RefusalCode]),
);

/** The bytes of an outcome, without its keys and without saying whether it was itself a replay. */
export function encodeOutcome(outcome: Outcome): Uint8Array {
  if (outcome.kind === "refused") {
    return wire.pack([FORMAT, REFUSED, CODE_NUMBERS[outcome.code], outcome.detail, outcome.position]);
  }
  const results: Wire[] = [];
  const amounts: Wire[] = [];
  for (const { value, revision, changed, applied } of outcome.results) {
    results.push(wire.wireInt64(value), revision, changed);
    if (applied !== undefined) amounts.push(wire.wireInt64(applied));
  }
  const saturated = amounts.length > 0 ? amounts : undefined;
  return wire.pack(wire.wireTuple([FORMAT, DONE, results, outcome.session, saturated]));
}

/**
 * The outcome that {@link encodeOutcome} made these bytes from, marked as a replay.
 * @param operation the operation it came from, which gives the keys.
 * @throws {MalformedBytes} if no encoder made them, or one of a newer format, or from another operation.
 */
export function decodeOutcome(bytes: Uint8Array, operation: Operation): Outcome {
  const [format, kind, first, second, third] = wire.unpackArray(bytes);
  if (format !== FORMAT) throw new MalformedBytes("a remembered outcome has a format that is not known");
  if (kind === DONE) {
    const amounts = wire.optionalOf(third, wire.arrayOf) ?? [];
    return decodeDone(wire.arrayOf(first), second, { operation, amounts });
  }
  if (kind !== REFUSED) throw new MalformedBytes("a remembered outcome is neither done nor refused");
  const code = CODES.get(first);
  if (code === undefined) throw new MalformedBytes("a remembered refusal has an unknown code");
  const refusal = { code, detail: wire.stringOf(second), position: wire.countOf(third) };
  return { kind: "refused", ...refusal, replayed: true };
}

function decodeDone(
  fields: readonly unknown[],
  session: unknown,
  { operation, amounts }: { readonly operation: Operation; readonly amounts: readonly unknown[] },
): Outcome {
  const changes = changesOf(operation);
  const saturating = changes.filter(isSaturating);
  if (fields.length !== changes.length * 3 || amounts.length !== saturating.length) {
    throw new MalformedBytes("a remembered outcome does not fit its operation");
  }
  const left = amounts.values();
  const results = changes.map((change, at): Changed => {
    const changed = fields[at * 3 + 2];
    if (typeof changed !== "boolean") throw new MalformedBytes("a boolean was expected");
    const value = wire.int64Of(fields[at * 3]);
    const revision = wire.countOf(fields[at * 3 + 1]);
    const result = { key: change.key, value, revision, changed };
    return isSaturating(change) ? { ...result, applied: wire.int64Of(left.next().value) } : result;
  });
  const opened = wire.optionalOf(session, wire.countOf);
  if (opened === undefined) return { kind: "done", results, replayed: true };
  return { kind: "done", results, session: opened, replayed: true };
}

function isSaturating(change: Change): boolean {
  return change.kind === "add" && change.saturate === true;
}
