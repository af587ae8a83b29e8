/** The counter state machine: commands, their bytes, and what each does to a counter. Pure. */
export {
  type AllRows,
  counterRowHash,
  digestOfRows,
  memberRowHash,
  outcomeRowHash,
  sessionRowHash,
} from "./digest.ts";
export { EMPTY_TOTALS, LIMITS, type Limits } from "./limits.ts";
export type { Item, ItemOutcome, Payload } from "./outcomes.ts";
export type {
  Add,
  Batch,
  Change,
  Changed,
  Command,
  CounterRow,
  Delete,
  Once,
  OpenSession,
  Outcome,
  RefusalCode,
  RememberedOutcome,
  SessionRow,
  SetValue,
  Table,
  Totals,
} from "./types.ts";
