/**
 * The counter state machine: commands, their bytes, and what each does to a counter. Pure.
 *
 *     const ticket = combiner.add(command)                   // leader: collect what arrives meanwhile
 *     raft.propose(encodePayload(combiner.take(elapsed)))    // leader: one entry for all of it
 *     applyPayload(table, decodePayload(bytes), LIMITS)      // every node, in the order of the log
 *     outcomeOf(itemOutcomes, ticket)                        // leader: what each caller is told
 *
 * Applying is deterministic: equal tables and equal payloads give equal outcomes and equal tables on every
 * node. Hence no clock (log time is the sum of what the entries carry), no randomness, no configuration.
 *
 * What a user of this folder has to keep:
 *   - Check what comes from outside with validate.ts before it becomes a command; nothing below checks again.
 *   - `elapsed` is rounded down, with the rest carried over to the next entry, so that nothing expires early.
 *   - All that applyPayload does to a table is one transaction, together with the applied index. If it
 *     throws, roll back and stop: the same entry would fail again.
 *   - A table gives rows back as they were put, and orders the oldest as its interface says, ties included.
 *     Everything in it belongs into a snapshot. It may save the row hashes and check them on reading.
 *   - Compare `Totals.digest` of two nodes only at the same index.
 *
 * The rules, and where they are:
 *   types.ts, outcomes.ts  the words: commands, outcomes, rows, the table that keeps them
 *   validate.ts            what may come in
 *   combiner.ts            runs: many adds of one kind as one record
 *   codec.ts               the bytes of a payload; outcome-codec.ts those of a remembered outcome; wire.ts both
 *   apply.ts               one entry: log time, expiry, items, totals
 *   change.ts              add, set, delete, batch, run; cells.ts holds changes back until the entry ends
 *   batch.ts               batches that say equal changes once; series.ts does those of plain adds all at once
 *   foresight.ts           what runs will give, told before they are applied
 *   once.ts                idempotency keys: replay, reuse, window, capacity; fingerprint.ts tells requests apart
 *   sessions.ts            the same for client sessions
 *   digest.ts              hashes of rows, and the digest that is their sum
 *   limits.ts              how much is remembered for how long, and why that is not configurable
 *   glob.ts                patterns for keys
 *   memory-table.ts        a table in memory, for the simulator and tests
 *
 * The replicated state has a format: the bytes of outcomes, the sentences in remembered refusals, the row hashes, the
 * fingerprints and the limits. Two versions of the program that differ in any of these must not replicate
 * the same log; tests pin them, and whoever changes one raises the payload format.
 */
export { applyPayload } from "./apply.ts";
export { changesOf } from "./batch.ts";
export { decodePayload, encodePayload } from "./codec.ts";
export { Combiner, outcomeOf, type Ticket } from "./combiner.ts";
export {
  type AllRows,
  counterRowHash,
  digestOfRows,
  memberRowHash,
  outcomeRowHash,
  sessionRowHash,
} from "./digest.ts";
export { Foresight } from "./foresight.ts";
export { compileGlob, type Glob } from "./glob.ts";
export { EMPTY_TOTALS, LIMITS, type Limits } from "./limits.ts";
export { MemoryTable } from "./memory-table.ts";
export { effectiveWindow } from "./once.ts";
export { decodeOutcome, encodeOutcome } from "./outcome-codec.ts";
export type { Item, ItemOutcome, Payload } from "./outcomes.ts";
export type {
  Add,
  Batch,
  Change,
  Changed,
  Command,
  CounterRow,
  Delete,
  ExpectedRevision,
  Once,
  OpenSession,
  Operation,
  Outcome,
  RefusalCode,
  RememberedOutcome,
  SessionRow,
  SetValue,
  Table,
  Totals,
} from "./types.ts";
export {
  BATCH_MAX,
  boundsProblem,
  hasLoneSurrogate,
  IDEMPOTENCY_KEY_MAX,
  INT64_MAX,
  INT64_MIN,
  idempotencyKeyProblem,
  isInt64,
  KEY_BYTES_MAX,
  keyProblem,
  memberProblem,
  utf8Bytes,
} from "./validate.ts";
export { MalformedBytes } from "./wire.ts";
