/** What happens to the links between processes. */

import type { Prng } from "../../src/base/index.ts";
import type { Configuration, Message, NodeId } from "../../src/raft/index.ts";
import type { Fault } from "./faults.ts";
import { crash } from "./faults-of-nodes.ts";
import { breakLinks, type Hurt, leaderOrAny } from "./hurt.ts";
import { crooked, oneWay, type Partition, split } from "./partitions.ts";
import type { SimNode } from "./sim-node.ts";

/** Some nodes are cut off from the others, or everything heals. */
export function partition(hurt: Hurt, fault: Fault): void {
  const { queue, network, coverage, standing, roster } = hurt;
  const { prng, note } = fault;
  if (prng.chance(0.3)) {
    note("the network heals");
    return network.heal();
  }
  coverage.count("partitions");
  const { leader } = standing;
  const cut = new Set(roster.nodes.filter(() => prng.chance(0.5)).map((node) => node.id));
  if (leader !== undefined && prng.chance(0.6)) {
    cut.clear();
    cut.add(leader.id);
    const status = leader.reducer?.status();
    if (status !== undefined && status.last > status.committed && roster.nodes.length > 1) {
      coverage.count("leaders cut off with unreplicated entries");
    }
    // What it takes in now becomes a long suffix that only it has.
    if (prng.chance(0.6)) hurt.burst(leader, fault);
    if (prng.chance(0.4)) queue.after(prng.real() * 40, () => hurt.operator.meddle(leader, fault));
  }
  const ids = roster.nodes.map(({ id }) => id);
  const { counted, words, isCut } = shapeOf(prng, cut, ids);
  coverage.count(counted);
  note(words);
  for (const from of ids) {
    for (const to of ids) if (from !== to && isCut(from, to)) network.cut(from, to);
    if (cut.has(from) && prng.chance(0.2)) breakLinks(hurt, fault, from);
  }
}

function shapeOf(prng: Prng, side: ReadonlySet<NodeId>, ids: readonly NodeId[]): Partition {
  const dice = prng.real();
  if (dice < 0.45) return split(side);
  return dice < 0.7 ? oneWay(side, prng.chance(0.5)) : crooked(prng, ids);
}

/** Links hold everything back for a while: all of one node, or any. It comes through link by link, in any order. */
export function clogSome(hurt: Hurt, fault: Fault): void {
  const { queue, network, roster, coverage } = hurt;
  const { prng, note } = fault;
  const ids = roster.nodes.map(({ id }) => id);
  const { id: struck } = leaderOrAny(hurt, fault, 0.5);
  const isAnywhere = prng.chance(0.5);
  const links = ids.flatMap((from) => ids.map((to) => [from, to] as const));
  const clogged = links.filter(([from, to]) =>
    isAnywhere ? prng.chance(0.3) : from === struck || to === struck,
  );
  note(isAnywhere ? `${clogged.length} links are clogged` : `all links of ${struck} are clogged`);
  const untilMs = prng.pick([30, 300, 2_000]) * prng.real();
  for (const [from, to] of clogged) {
    network.clog(from, to);
    queue.after(untilMs + prng.real() * 50, () => {
      if (network.unclog(from, to) > 0) coverage.count("clogged links that came free with messages");
    });
  }
}

/** The leader is cut off with work in its hands, and comes back about when there is another. */
export function churn(hurt: Hurt, fault: Fault): void {
  const { queue, network, profile, standing, roster } = hurt;
  const { prng, note } = fault;
  const { leader } = standing;
  if (leader === undefined) return;
  note(`${leader.id} is cut off with work in its hands`);
  const hears = prng.chance(0.3);
  for (const { id } of roster.nodes) {
    if (id === leader.id) continue;
    network.cut(leader.id, id);
    if (!hears) network.cut(id, leader.id);
  }
  hurt.burst(leader, fault);
  // And, without knowing that, somebody has it change the membership behind all that.
  queue.after(prng.real() * 40, () => hurt.operator.meddle(leader, fault));
  queue.after((1 + 3 * prng.real()) * profile.raft.electionTicks * profile.tickMs, () => {
    if (hurt.isOver()) return;
    note("the network heals");
    network.heal();
  });
}

/** A node misses several changes of the membership: when it is back, it knows none of those who lead by then. */
export function sendAway(hurt: Hurt, fault: Fault): void {
  const { queue, network, coverage } = hurt;
  const { prng, note } = fault;
  const { id } = leaderOrAny(hurt, fault, 0.2);
  coverage.count("long absences");
  note(`${id} is away`);
  network.leave(id);
  queue.after(500 + prng.real() * 3_000, () => {
    if (hurt.isOver()) return;
    note(`${id} is back`);
    network.comeBack(id);
  });
}

/**
 * Now and then the order to take over arrives late, at a node that has missed what was written meanwhile. Says
 * whether it does.
 */
export function delayHandover(hurt: Hurt, fault: Fault, { from, to }: Message, arrive: () => void): boolean {
  const { queue, network, profile, coverage } = hurt;
  const { prng, note } = fault;
  if (!prng.chance(0.3)) return false;
  coverage.count("orders to take over that came late");
  note(`the order to ${to} to take over is late, and it hears nothing more of ${from}`);
  network.cut(from, to);
  queue.after((0.5 + 2 * prng.real()) * profile.raft.electionTicks * profile.tickMs, () => {
    network.mend(from, to);
    arrive();
  });
  return true;
}

/** Strikes a leader that has just appended a configuration: it dies, is cut off, or loses one of its halves. */
export function interrupt(hurt: Hurt, fault: Fault, node: SimNode, configuration: Configuration): void {
  const { prng, note } = fault;
  if (!prng.chance(hurt.profile.interrupt)) return;
  if (prng.chance(0.2)) hurt.doom(node, fault, 0);
  const delayMs = prng.real() * prng.pick([1, 5, 30]);
  hurt.queue.after(delayMs, () => {
    if (hurt.isOver()) return;
    const dice = prng.real();
    if (dice < 0.4) return crash(hurt, fault, node);
    const { voters, outgoing } = configuration;
    const halves = dice < 0.6 ? [[node.id], [...voters, ...outgoing]] : [voters, outgoing];
    const [one = [], other = []] = halves;
    note(`cut off in the middle of a change: ${one.join(" ")}`);
    for (const from of one) {
      for (const to of other) {
        if (one.includes(to)) continue;
        hurt.network.cut(from, to);
        if (prng.chance(0.7)) hurt.network.cut(to, from);
      }
    }
  });
}
