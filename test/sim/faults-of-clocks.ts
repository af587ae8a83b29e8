/** What happens to clocks. */

import type { Fault } from "./faults.ts";
import { type Hurt, leaderOrAny } from "./hurt.ts";

const HOUR_MS = 3_600_000;

/** The clock of a node stands still for a while, and its timers with it; it goes on taking in messages. */
export function freezeSome(hurt: Hurt, fault: Fault): void {
  const { prng, note } = fault;
  const node = leaderOrAny(hurt, fault, 0.6);
  if (!node.isUp || node.clock.isFrozen) return;
  const ms = prng.pick([100, 1_000, 3_000]) * prng.real();
  hurt.coverage.count("clocks that stood still");
  if (hurt.standing.leads(node)) hurt.coverage.count("leaders whose clock stood still");
  note(`the clock of ${node.id} stands still for ${Math.round(ms)} ms`);
  node.clock.freeze(ms);
}

/** Somebody sets the wall clock of a node by up to an hour, forward or back. */
export function setSome({ roster, coverage }: Hurt, { prng, note }: Fault): void {
  const node = prng.pick(roster.nodes);
  const byMs = Math.round((2 * prng.real() - 1) * HOUR_MS);
  coverage.count("wall clocks set");
  note(`the wall clock of ${node.id} is set by ${byMs} ms`);
  node.clock.set(byMs);
}
