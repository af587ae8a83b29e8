/** What goes wrong, when and how often, as the profile of a seed says; and the healing at the end. */

import type { Prng } from "../../src/base/index.ts";
import type { Configuration, Message, NodeId } from "../../src/raft/index.ts";
import type { Announcer } from "./announcer.ts";
import type { Courier } from "./courier.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Network } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { Operator } from "./operator.ts";
import type { Profile } from "./profile.ts";
import type { Roster } from "./roster.ts";
import { type SimNode, TICK_MS } from "./sim-node.ts";
import type { Standing } from "./standing.ts";

export interface NemesisOptions {
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly profile: Profile;
  readonly network: Network;
  readonly courier: Courier;
  readonly coverage: Coverage;
  readonly standing: Standing;
  readonly roster: Roster;
  readonly operator: Operator;
  readonly announcer: Announcer;
  /** Makes clients ask much of one node. */
  readonly burst: (node: SimNode) => void;
  /** Says what was done, for whoever reads the story of a run. */
  readonly note: (text: string) => void;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  #faulty = true;
  /** Dies while it carries out the present drain. */
  #doomed: SimNode | undefined;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  get #nodes(): readonly SimNode[] {
    return this.#options.roster.nodes;
  }

  start(): void {
    const { profile } = this.#options;
    this.#schedule(profile.crashEveryMs, () => this.#crashSome());
    this.#schedule(profile.partitionEveryMs, () => this.#partition());
    this.#schedule(profile.churnEveryMs, () => this.#churn());
    this.#schedule(profile.pauseEveryMs, () => this.#pauseSome());
    this.#schedule(profile.transferEveryMs, () => this.#transfer());
    this.#schedule(profile.stopEveryMs, () => this.#stopSome());
    this.#schedule(profile.wipeEveryMs, () => this.#wipeSome());
    this.#schedule(profile.awayEveryMs, () => this.#sendAway());
  }

  /** All faults go away, and everyone who was down comes back. */
  heal(): void {
    this.#faulty = false;
    this.#options.note("everything heals");
    this.#options.network.calm();
    this.#options.courier.calm();
    for (const node of this.#nodes) {
      if (node.isPaused) node.resume();
      if (!node.isUp) node.start();
    }
  }

  /** How much longer one flush takes. */
  stall(): number {
    const { prng, profile } = this.#options;
    return this.#faulty && prng.chance(profile.stall) ? prng.real() * profile.stallMs : 0;
  }

  /** How long the restore of a snapshot takes: as long as its transfer may, and twice that. */
  restoreMs(): number {
    const { prng, profile } = this.#options;
    return this.#faulty ? 2 * prng.real() * profile.snapshotMs : 0;
  }

  /** After how many of its effects a process dies; undefined to live. */
  diesAfter(node: SimNode, effects: number): number | undefined {
    const { prng, profile } = this.#options;
    if (this.#doomed === node) {
      this.#doomed = undefined;
      return prng.between(0, prng.pick([0, effects]));
    }
    if (!this.#faulty || effects === 0 || !prng.chance(profile.dieWithin)) return undefined;
    return prng.between(0, effects);
  }

  /**
   * Now and then the order to take over arrives late, at a node that has missed what was written meanwhile. Says
   * whether it does.
   */
  delaysHandover({ from, to }: Message, arrive: () => void): boolean {
    const { prng, queue, network, profile, coverage, note } = this.#options;
    if (!this.#faulty || !prng.chance(0.3)) return false;
    coverage.count("orders to take over that came late");
    note(`the order to ${to} to take over is late, and it hears nothing more of ${from}`);
    network.cut(from, to);
    queue.after((0.5 + 2 * prng.real()) * profile.raft.electionTicks * TICK_MS, () => {
      network.mend(from, to);
      arrive();
    });
    return true;
  }

  died(node: SimNode): void {
    this.#options.coverage.count("crashes between effects");
    this.#options.note(`${node.id} dies between effects`);
    this.#restartLater(node);
  }

  #schedule(everyMs: number, happen: () => void): void {
    if (everyMs === 0) return;
    this.#options.queue.after(-Math.log(1 - this.#options.prng.real()) * everyMs, () => {
      if (!this.#faulty) return;
      happen();
      this.#schedule(everyMs, happen);
    });
  }

  #leaderOrAny(chanceOfLeader: number): SimNode {
    const { prng, standing } = this.#options;
    const { leader } = standing;
    return leader !== undefined && prng.chance(chanceOfLeader) ? leader : prng.pick(this.#nodes);
  }

  #crashSome(): void {
    const { prng, coverage } = this.#options;
    const everybody = prng.chance(0.1);
    if (everybody) coverage.count("crashes of everybody");
    for (const node of everybody ? this.#nodes : [this.#leaderOrAny(0.5)]) this.#crash(node);
  }

  #crash(node: SimNode): void {
    const { coverage, note } = this.#options;
    if (!node.isUp) return;
    coverage.count("crashes");
    if (node.disk.hasUnsynced) coverage.count("crashes with unsynced writes");
    const { lost, older } = node.crash();
    if (lost) coverage.count("crashes that lost a write");
    if (older) coverage.count("crashes that took the state back");
    note(`${node.id} crashes${lost ? ", losing unsynced writes" : ""}`);
    this.#links(node.id, (other) => other.feed({ kind: "unreachable", peer: node.id }));
    this.#restartLater(node);
  }

  /** Strikes a leader that has just appended a configuration: it dies, is cut off, or loses one of its halves. */
  readonly observer: Partial<Observer> = {
    drained: (node, { write }) => {
      const { prng, queue, profile, standing } = this.#options;
      if (!this.#faulty || profile.interrupt === 0 || !standing.leads(node)) return;
      for (const entry of write?.append ?? []) {
        if (entry.kind !== "configuration" || !prng.chance(profile.interrupt)) continue;
        if (prng.chance(0.2)) this.#doomed = node;
        const delayMs = prng.real() * prng.pick([1, 5, 30]);
        queue.after(delayMs, () => this.#strike(node, entry.configuration));
      }
    },
  };

  #strike(node: SimNode, { voters, outgoing }: Configuration): void {
    const { prng, network, note } = this.#options;
    if (!this.#faulty) return;
    const dice = prng.real();
    if (dice < 0.4) return this.#crash(node);
    const halves = dice < 0.6 ? [[node.id], [...voters, ...outgoing]] : [voters, outgoing];
    const [one = [], other = []] = halves;
    note(`cut off in the middle of a change: ${one.join(" ")}`);
    for (const from of one) {
      for (const to of other) {
        if (one.includes(to)) continue;
        network.cut(from, to);
        if (prng.chance(0.7)) network.cut(to, from);
      }
    }
  }

  #restartLater(node: SimNode): void {
    const { queue, prng, note } = this.#options;
    // Often back so soon that answers to the process before are still on their way.
    const downMs = prng.chance(0.5) ? 1 + 5 * prng.real() : 5 - Math.log(1 - prng.real()) * 200;
    queue.after(downMs, () => {
      if (node.isUp || this.#options.roster.isLost(node)) return;
      note(`${node.id} starts again`);
      node.start();
    });
  }

  /** Now and then the others notice that a link broke. */
  #links(to: NodeId, broke: (other: SimNode) => void): void {
    const { prng, queue, coverage } = this.#options;
    for (const other of this.#nodes) {
      if (other.id === to || !prng.chance(0.5)) continue;
      queue.after(prng.real() * 20, () => {
        coverage.count("links that broke");
        broke(other);
      });
    }
  }

  #partition(): void {
    const { prng, queue, network, coverage, standing, note } = this.#options;
    if (prng.chance(0.3)) {
      note("the network heals");
      return network.heal();
    }
    coverage.count("partitions");
    const { leader } = standing;
    const cut = new Set(this.#nodes.filter(() => prng.chance(0.5)).map((node) => node.id));
    if (leader !== undefined && prng.chance(0.6)) {
      cut.clear();
      cut.add(leader.id);
      const status = leader.reducer?.status();
      if (status !== undefined && status.last > status.committed && this.#nodes.length > 1) {
        coverage.count("leaders cut off with unreplicated entries");
      }
      // What it takes in now becomes a long suffix that only it has.
      if (prng.chance(0.6)) this.#options.burst(leader);
      if (prng.chance(0.4)) queue.after(prng.real() * 40, () => this.#options.operator.meddle(leader));
    }
    const oneWay = prng.chance(0.3);
    note(`cut off${oneWay ? " one way" : ""}: ${[...cut].join(" ")}`);
    for (const from of cut) {
      for (const { id: to } of this.#nodes) {
        if (cut.has(to)) continue;
        network.cut(from, to);
        if (!oneWay) network.cut(to, from);
      }
      if (prng.chance(0.2)) this.#links(from, (other) => other.feed({ kind: "unreachable", peer: from }));
    }
  }

  #churn(): void {
    const { prng, queue, network, profile, standing, note } = this.#options;
    const { leader } = standing;
    if (leader === undefined) return;
    note(`${leader.id} is cut off with work in its hands`);
    const hears = prng.chance(0.3);
    for (const { id } of this.#nodes) {
      if (id === leader.id) continue;
      network.cut(leader.id, id);
      if (!hears) network.cut(id, leader.id);
    }
    this.#options.burst(leader);
    // And, without knowing that, somebody has it change the membership behind all that.
    queue.after(prng.real() * 40, () => this.#options.operator.meddle(leader));
    queue.after((1 + 3 * prng.real()) * profile.raft.electionTicks * TICK_MS, () => {
      if (!this.#faulty) return;
      note("the network heals");
      network.heal();
    });
  }

  #pauseSome(): void {
    const { prng, queue, coverage, note } = this.#options;
    const node = this.#leaderOrAny(0.6);
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

  #transfer(): void {
    const { prng, coverage, standing, note } = this.#options;
    const { leader } = standing;
    if (leader === undefined) return;
    coverage.count("transfers asked for");
    note(`${leader.id} is to hand over`);
    if (prng.chance(0.5)) return leader.feed({ kind: "transfer" });
    const to = prng.chance(0.5) ? undefined : prng.pick(this.#nodes).id;
    leader.request(
      (id) => ({ kind: "transfer", id, to }),
      () => coverage.count("transfers answered"),
    );
  }

  #stopSome(): void {
    const { prng, coverage, note } = this.#options;
    const node = this.#leaderOrAny(0.7);
    if (!node.isUp || node.isPaused || node.reducer?.stopping === true) return;
    coverage.count("graceful stops");
    note(`${node.id} is asked to stop`);
    node.stop(prng.pick([20, 300, 1_500]), (drained) => {
      if (drained) coverage.count("graceful stops that drained");
      note(`${node.id} has stopped`);
      if (this.#faulty) this.#restartLater(node);
      else node.start();
    });
  }

  /** A node misses several changes of the membership: when it is back, it knows none of those who lead by then. */
  #sendAway(): void {
    const { queue, prng, network, coverage, note } = this.#options;
    const { id } = this.#leaderOrAny(0.2);
    coverage.count("long absences");
    note(`${id} is away`);
    network.leave(id);
    queue.after(500 + prng.real() * 3_000, () => {
      note(`${id} is back`);
      network.comeBack(id);
    });
  }

  /**
   * A disk is wiped, if a quorum of whole ones is left in every configuration that may come into force: what a
   * process was asked for before may still do so, and then nobody can know what it will leave.
   */
  #wipeSome(): void {
    const { queue, prng, coverage, roster, operator, announcer, note } = this.#options;
    const node = this.#leaderOrAny(0.3);
    // Whoever is being promoted at its own word may still be when its disk is gone.
    if (announcer.mayBePromoted(node)) return;
    if (operator.isAsking || roster.lostMembers.length > 0 || !roster.survives(node)) return;
    coverage.count("disks wiped");
    note(`the disk of ${node.id} is wiped`);
    const empty = roster.wipe(node);
    queue.after(prng.real() * 300, () => {
      if (!empty.isUp) empty.start();
    });
  }
}
