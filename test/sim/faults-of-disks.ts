/** What happens to disks, and what people do about it. */

import type { Fault } from "./faults.ts";
import { crash } from "./faults-of-nodes.ts";
import { type Hurt, leaderOrAny } from "./hurt.ts";
import type { SimNode } from "./sim-node.ts";
import type { Trouble } from "./sim-writer.ts";

/** For a while a disk is slow, hangs, fails the next flush, or is full. */
export function troubleSome(hurt: Hurt, fault: Fault): void {
  const { queue } = hurt;
  const { prng, note } = fault;
  const node = leaderOrAny(hurt, fault, 0.6);
  if (!node.isUp || node.trouble !== undefined) return;
  const kind = prng.pick<Trouble["kind"]>(["slow", "hangs", "fails", "full"]);
  const ms = (kind === "hangs" ? 1_000 : 200) + prng.real() * (kind === "hangs" ? 4_000 : 2_000);
  note(`the disk of ${node.id} ${WORDS[kind]} for ${Math.round(ms)} ms`);
  node.suffer({ kind, fault, until: queue.now + ms });
  if (kind !== "hangs" || prng.chance(0.5)) return;
  // Somebody loses patience.
  const { boot } = node;
  queue.after(prng.real() * ms, () => {
    if (node.boot === boot && !hurt.isOver()) crash(hurt, fault, node);
  });
}

const WORDS: Readonly<Record<Trouble["kind"], string>> = {
  slow: "is slow",
  hangs: "hangs",
  fails: "fails a flush, if there is one",
  full: "is full",
};

/** Whether the disk of `node` may be lost: it is known which ones are, and a quorum of whole ones is left. */
function mayLose({ roster, operator, announcer, profile }: Hurt, node: SimNode): boolean {
  // Whoever is being promoted at its own word may still be when its disk is gone, and nobody asks who is removed.
  if (announcer.mayBePromoted(node) || profile.node.autoremoveMs !== undefined) return false;
  return !operator.isAsking && roster.lostMembers.length === 0 && roster.survives(node);
}

/**
 * A disk is wiped, if a quorum of whole ones is left in every configuration that may come into force: what a
 * process was asked for before may still do so, and then nobody can know what it will leave.
 */
export function wipeSome(hurt: Hurt, fault: Fault): void {
  const node = leaderOrAny(hurt, fault, 0.3);
  if (!mayLose(hurt, node)) return;
  hurt.coverage.count("disks wiped");
  wipe(hurt, fault, node);
}

function wipe({ roster, queue }: Hurt, { prng, note }: Fault, node: SimNode): void {
  note(`the disk of ${node.id} is wiped`);
  const empty = roster.wipe(node, prng);
  queue.after(prng.real() * 300, () => {
    if (!empty.isUp && !roster.isLost(empty)) empty.start();
  });
}

/**
 * While a process is down a bit changes in its log, in a snapshot or in a manifest. One disk at a time is damaged, so
 * that no entry is on a majority of them.
 */
export function rotSome(hurt: Hurt, fault: Fault): void {
  const node = leaderOrAny(hurt, fault, 0.5);
  if (!mayRot(hurt, node)) return;
  if (node.isUp) crash(hurt, fault, node);
  rotted(hurt, fault, { node, where: node.disk.rot(fault.prng) });
}

/** A bit changes in the latest snapshot of a process that runs: nobody notices before it is read. */
export function rotSnapshot(hurt: Hurt, fault: Fault, node: SimNode): void {
  const where = mayRot(hurt, node) ? node.disk.rotSnapshot() : undefined;
  if (where !== undefined) rotted(hurt, fault, { node, where });
}

function mayRot(hurt: Hurt, node: SimNode): boolean {
  return mayLose(hurt, node) && !hurt.roster.nodes.some(({ disk }) => disk.hasDamage);
}

function rotted(
  { coverage, rotten }: Hurt,
  fault: Fault,
  { node, where }: { readonly node: SimNode; readonly where: string },
): void {
  coverage.count("bits that rotted");
  fault.note(`on the disk of ${node.id} a bit changes: ${where}`);
  rotten.set(node, fault);
}

/** A process has refused to start. Whoever runs it wipes its disk, and the cluster goes on without it. */
export function refused(hurt: Hurt, fault: Fault, node: SimNode): void {
  const { roster, queue, coverage } = hurt;
  coverage.count("damaged disks refused");
  const wipeOnce = (): void => {
    if (!roster.isLost(node)) wipe(hurt, fault, node);
  };
  if (hurt.isOver()) wipeOnce();
  else queue.after(fault.prng.real() * 500, wipeOnce);
}
