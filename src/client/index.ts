/**
 * The TypeScript client. Uses nothing but `fetch`, so it runs in browsers too.
 *
 *     const client = new RaftallyClient({ urls: ["http://127.0.0.1:4000", "http://127.0.0.1:4001"] });
 *     const { value } = await client.increment("visits");            // bigint, exact
 *     await client.increment("stock", { by: -1, min: 0 });           // throws Refused: LIMIT_REACHED
 *     const visits = await client.get("visits");                     // undefined if never written
 *     await client.set("price", 499n, { ifRevision: 12 });           // throws Refused: REVISION_MISMATCH
 *     const { from, to } = await client.allocate("orders", 100);     // numbers that nobody else gets
 *     const { sum, groups } = await client.sum({ prefix: "visits:", depth: 1 });
 *     for await (const event of client.watch({ prefix: "stock:", signal })) show(event);
 *
 * Whoever counts very much lets increments be added up while a request is out, each of them told when it is durable:
 *
 *     await using counting = client.combining();
 *     const { value, calls } = await counting.increment("views");    // the value after all calls that went together
 *
 * A call ends in one of four ways, and the type of the error says which: it resolves; `Refused`, a definite
 * no; `Unavailable`, nothing has changed and trying later is safe; `OutcomeUnknown`, a write may count, and
 * the same call with the error's `idempotencyKey` finds out without counting twice.
 *
 * Whoever runs the cluster:
 *
 *     const { members } = await client.members()                     // with the progress of learners
 *     await client.addMember({ id: "n4", incarnation, peer, api })   // promoteMember, replaceMember, …
 *     const { stream } = await client.backup()
 *
 * The client learns who belongs to the cluster while it works, so that it goes on when all the nodes that it was
 * given have been replaced one after the other.
 *
 * Every write carries an idempotency key and is tried again with it, on other nodes where needed, until it is
 * answered or `timeoutMs` has passed. Each attempt has a shorter deadline of its own. A client made with
 * `exactlyOnce: "sessions"` numbers its writes in a session instead, which costs the cluster less.
 */
export { escapeGlob, RaftallyClient } from "./client.ts";
export type { Combining } from "./combine.ts";
export type { Combined, CombinedSum, CombiningFailure, CombiningOptions } from "./combine-types.ts";
export {
  type Attempt,
  type FailureCode,
  OutcomeUnknown,
  type Place,
  RaftallyError,
  Refused,
  Unavailable,
} from "./errors.ts";
export { type Json, parseExact, printExact } from "./json.ts";
export type {
  ClusterEvent,
  NodePicture,
  NodeRole,
  PictureConfiguration,
  PictureEntry,
  PictureMember,
  PictureMessages,
  PicturePeer,
  PictureSpread,
  PictureStatus,
  PictureTally,
} from "./pictures.ts";
export type { Connection, StreamOptions } from "./stream.ts";
export type {
  Age,
  AllocateOptions,
  Allocation,
  BackupDownload,
  BatchDone,
  CallOptions,
  Changed,
  ClientOptions,
  Consistency,
  Counter,
  DeleteOptions,
  FaultTolerance,
  GroupSum,
  Increment,
  Incremented,
  Int64,
  ListOptions,
  LogPosition,
  Membership,
  MembershipChange,
  MembershipDone,
  MembershipPlan,
  MemberView,
  NewAddresses,
  NewMember,
  NodeView,
  Operation,
  Page,
  PeerView,
  Reading,
  ReadOptions,
  Selection,
  SetOptions,
  Sum,
  SumOptions,
  WriteOptions,
} from "./types.ts";
export type {
  ClusterEventOptions,
  ClusterStreamEvent,
  WatchChange,
  WatchEvent,
  WatchOpen,
  WatchOptions,
  WatchResync,
} from "./watch.ts";
