/**
 * The TypeScript client. Uses nothing but `fetch`, so it runs in browsers too.
 *
 *     const client = new RaftallyClient({ urls: ["http://127.0.0.1:4000", "http://127.0.0.1:4001"] });
 *     const { value } = await client.increment("visits");            // bigint, exact
 *     await client.increment("stock", { by: -1, min: 0 });           // throws Refused: LIMIT_REACHED
 *     const visits = await client.get("visits");                     // undefined if never written
 *
 * A call ends in one of four ways, and the type of the error says which: it resolves; `Refused`, a definite
 * no; `Unavailable`, nothing has changed and trying later is safe; `OutcomeUnknown`, a write may count, and
 * the same call with the error's `idempotencyKey` finds out without counting twice.
 *
 * Every write carries an idempotency key and is tried again with it, on other nodes where needed, until it is
 * answered or `timeoutMs` has passed. Each attempt has a shorter deadline of its own.
 */
export { RaftallyClient } from "./client.ts";
export {
  type Attempt,
  type FailureCode,
  OutcomeUnknown,
  RaftallyError,
  Refused,
  Unavailable,
} from "./errors.ts";
export { type Json, parseExact, printExact } from "./json.ts";
export type {
  BatchDone,
  CallOptions,
  Changed,
  ClientOptions,
  Consistency,
  Counter,
  Increment,
  Incremented,
  Int64,
  ListOptions,
  LogPosition,
  NodeView,
  Operation,
  Page,
  PeerView,
  Reading,
  ReadOptions,
  WriteOptions,
} from "./types.ts";
