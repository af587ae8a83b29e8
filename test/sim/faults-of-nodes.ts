/** What happens to processes. */

import type { Fault } from "./faults.ts";
import { breakLinks, type Hurt, leaderOrAny, restartLater } from "./hurt.ts";
import type { SimNode } from "./sim-node.ts";

/** A process dies, or all of them at once; what its disk has not flushed may be lost. */
export function crashSome(hurt: Hurt, fault: Fault): void {
  const everybody = fault.prng.chance(0.1);
  if (everybody) hurt.coverage.count("crashes of everybody");
  for (const node of everybody ? hurt.roster.nodes : [leaderOrAny(hurt, fault, 0.5)])
    crash(hurt, fault, node);
}

export function crash(hurt: Hurt, fault: Fault, node: SimNode): void {
  const { coverage } = hurt;
  if (!node.isUp) return;
  coverage.count("crashes");
  if (node.disk.isInstalling) coverage.count("crashes during an install");
  if (node.disk.hasUnsynced) coverage.count("crashes with unsynced writes");
  const { lost, older, remains } = node.crash(fault.prng);
  if (remains === "torn") coverage.count("crashes that tore a batch");
  if (lost) coverage.count("crashes that lost a write");
  if (older) coverage.count("crashes that took the state back");
  fault.note(`${node.id} crashes${lost ? ", losing unsynced writes" : ""}`);
  breakLinks(hurt, fault, node.id);
  restartLater(hurt, fault, node);
}

/** A process dies when a snapshot has arrived, before anybody is told; or a little later, while it is installed. */
export function strikeInstall(hurt: Hurt, fault: Fault, node: SimNode): void {
  const { prng } = fault;
  const { profile, queue } = hurt;
  if (!prng.chance(profile.dieInstalling)) return;
  if (prng.chance(0.4)) return crash(hurt, fault, node);
  const { boot } = node;
  queue.after(prng.real() * (2 * profile.diskMs + profile.snapshotMs), () => {
    if (node.boot === boot && !hurt.isOver()) crash(hurt, fault, node);
  });
}

/** A process dies between two of its effects, some drains from now. */
export function doomSome(hurt: Hurt, fault: Fault): void {
  hurt.doom(leaderOrAny(hurt, fault, 0.4), fault, fault.prng.between(0, 12));
}

/** A process stands still; whatever is meant for it waits. */
export function pauseSome(hurt: Hurt, fault: Fault): void {
  const { queue, coverage } = hurt;
  const { prng, note } = fault;
  const node = leaderOrAny(hurt, fault, 0.6);
  if (!node.isUp || node.isPaused) return;
  coverage.count("pauses");
  note(`${node.id} is paused`);
  node.pause();
  const { boot } = node;
  queue.after(prng.real() * 1_200, () => {
    if (node.boot !== boot) return;
    note(`${node.id} goes on`);
    node.resume();
  });
}

/** A process is asked to stop, as by SIGTERM. */
export function stopSome(hurt: Hurt, fault: Fault): void {
  const { coverage } = hurt;
  const { prng, note } = fault;
  const node = leaderOrAny(hurt, fault, 0.7);
  if (!node.isUp || node.isPaused || node.reducer?.stopping === true) return;
  coverage.count("graceful stops");
  note(`${node.id} is asked to stop`);
  node.stop(prng.pick([20, 300, 1_500]), prng, (drained) => {
    if (drained) coverage.count("graceful stops that drained");
    note(`${node.id} has stopped`);
    if (hurt.isOver()) node.start();
    else restartLater(hurt, fault, node);
  });
}

/** The leader is asked to hand over. */
export function transfer({ standing, roster, coverage }: Hurt, { prng, note }: Fault): void {
  const { leader } = standing;
  if (leader === undefined) return;
  coverage.count("transfers asked for");
  note(`${leader.id} is to hand over`);
  if (prng.chance(0.5)) return leader.feed({ kind: "transfer" });
  const to = prng.chance(0.5) ? undefined : prng.pick(roster.nodes).id;
  leader.request(
    (id) => ({ kind: "transfer", id, to }),
    () => coverage.count("transfers answered"),
  );
}
