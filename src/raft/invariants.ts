/** What must hold between any two events. Checked always, in production too. */

import { assert } from "../base/index.ts";
import type { State } from "./state.ts";

/** @throws {InvariantViolation} if the state of the core contradicts itself. */
export function checkInvariants({ log, ledger, role, term, vote, self, snapshot }: State): void {
  // Not `applied`: between the install of a snapshot and its restore the state machine is behind the log's base.
  assert(log.base.index <= log.applying, "invariant: only what was handed out is compacted away (I10)");
  assert(log.applied <= log.applying, "invariant: nothing is applied that was not handed out");
  assert(log.applying <= log.committed, "invariant: only committed entries are applied");
  assert(log.committed <= log.last.index, "invariant: committed entries exist");
  assert(log.last.term <= term, "invariant: no entry comes from a future term");
  assert(ledger.durable <= log.last.index, "invariant: what is durable is in the log");
  assert(ledger.durableTerm <= term, "invariant: terms reach the disk after memory");
  if (log.base.index > 0) {
    assert(snapshot !== undefined, "invariant: a compacted log has a snapshot (P11)");
    assert(snapshot.index >= log.base.index, "invariant: the snapshot covers what was compacted (P11)");
  }
  if (role.kind === "leader") {
    assert(log.last.term === term, "invariant: a leader starts its term with an entry of it");
    assert(vote === self, "invariant: a leader voted for itself");
    assert(ledger.durableTerm === term, "invariant: a leader's vote is durable (P3)");
  }
  if (role.kind === "candidate") assert(vote === self, "invariant: a candidate voted for itself");
}
