/**
 * Random worlds: messages lost, repeated and reordered, slow disks, crashes, and members that come and go; safe at
 * every step, well at the end.
 */

import { describe, expect, it } from "vitest";
import { assert, Prng } from "../../src/base/index.ts";
import { Cluster } from "./kit.ts";
import type { ClusterSetup } from "./shape.ts";
import type { Change } from "./words.ts";

const SHAPES: readonly Pick<ClusterSetup, "voters" | "learners" | "outgoing">[] = [
  { voters: ["a", "b", "c"] },
  { voters: ["a", "b", "c"], learners: ["d"] },
  { voters: ["a", "b", "c", "d", "e"] },
  { voters: ["a", "b", "c"], outgoing: ["c", "d", "e"] },
  { voters: ["a", "b"] },
  { voters: ["a"], learners: ["b"] },
];

interface Rates {
  readonly lose: number;
  readonly repeat: number;
  readonly crash: number;
  readonly disk: number;
  readonly cut: number;
  readonly change: number;
}

/** How many nodes may join in the life of one world; most shapes begin with three to five. */
const JOINERS_MAX = 5;

class World {
  readonly cluster: Cluster;
  readonly prng: Prng;
  readonly #rates: Rates;
  readonly asked: Map<number, string> = new Map<number, string>();
  readonly readAsked: Map<number, number> = new Map<number, number>();
  readonly #changes = new Set<number>();
  #joiners = 0;
  readonly #seen = new Map<string, { readonly outcomes: number; readonly reads: number }>();
  #acknowledged = 0;
  /** A node that no message leaves and none reaches. */
  #cut: string | undefined;
  faults = 0;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    const shape = this.prng.pick(SHAPES);
    const keep = this.prng.pick([0, 2, 50]);
    const settings = {
      trailingEntriesMax: keep,
      electionTicks: 6,
      messageBytesMax: this.prng.pick([1, 200, 4_096]),
      inflightMessagesMax: this.prng.pick([1, 4, 100]),
    };
    this.cluster = new Cluster({ ...shape, seed, settings });
    const { prng } = this;
    const rate = (max: number): number => prng.pick([0, max / 4, max]);
    this.#rates = {
      lose: rate(0.3),
      repeat: rate(0.2),
      crash: rate(0.02),
      cut: rate(0.04),
      change: rate(0.15),
      disk: prng.pick([0.2, 0.6, 0.95]),
    };
  }

  /** One thing happens to one node. */
  step(): void {
    const { cluster, prng } = this;
    const id = prng.pick([...cluster.nodes.keys()]);
    const node = cluster.node(id);
    if (node.raft === undefined) {
      if (prng.chance(0.2)) cluster.start(id);
      return;
    }
    if (prng.chance(this.#rates.crash)) return this.crash(id);
    if (prng.chance(this.#rates.change)) this.configure(id);
    if (prng.chance(this.#rates.disk)) cluster.persist(id, prng.between(1, 3));
    if (prng.chance(this.#rates.disk)) cluster.apply(id, prng.between(1, 3));
    const dice = prng.real();
    if (dice < 0.15) cluster.tick(id);
    else if (dice < 0.75) this.network();
    else if (dice < 0.85) this.propose(id);
    else if (dice < 0.92) this.readAsked.set(cluster.read(id), this.#acknowledged);
    else if (dice < 0.95) cluster.snapshot(id);
    else if (dice < 0.96) cluster.step(id, { kind: "transfer", to: undefined });
    else if (dice < 0.97) cluster.step(id, { kind: "unreachable", peer: prng.pick(cluster.peers(id)) });
    else if (dice < 0.98) cluster.step(id, { kind: "reachable" });
    else if (cluster.transfers[0] !== undefined) cluster.transfer(prng.chance(0.7), cluster.transfers[0].to);
    this.acknowledge();
  }

  /** Mostly a node that leads, or believes so. */
  #leading(id: string): string {
    const { cluster, prng } = this;
    const leading = [...cluster.nodes.values()].filter(({ raft }) => raft?.isLeader === true);
    return leading.length > 0 && prng.chance(0.9) ? prng.pick(leading).id : id;
  }

  propose(id: string): void {
    const to = this.#leading(id);
    this.asked.set(this.cluster.propose(to, `p${this.asked.size}`), to);
  }

  /** Some come, some get a vote, some go, the leader perhaps among them: all of it in one change. */
  configure(id: string): void {
    const { cluster, prng } = this;
    if (this.#joiners < JOINERS_MAX && prng.chance(0.3)) cluster.join(`n${++this.#joiners}`);
    const to = this.#leading(id);
    const { configuration, caughtUp } = cluster.status(to);
    const known = new Set([...configuration.members, ...configuration.removed].map((one) => `${one.id}`));
    const strangers = [...cluster.nodes.keys()].filter((one) => !known.has(one));
    const some = (ids: readonly string[], chance: number): string[] => ids.filter(() => prng.chance(chance));
    const promote = some(prng.chance(0.9) ? caughtUp : configuration.learners, 0.7);
    const leave = configuration.members.map((one) => `${one.id}`).filter((one) => !promote.includes(one));
    const remove = some(leave, prng.pick([0, 0.15, 0.4]));
    const change: Change = { add: some(strangers, 0.7), promote, remove };
    this.#changes.add(cluster.configure(to, change));
  }

  /** How many changes of the configuration were committed. */
  get changed(): number {
    const ended = [...this.cluster.nodes.values()].flatMap(({ outcomes }) => outcomes);
    return ended.filter(({ id, kind }) => kind === "committed" && this.#changes.has(id)).length;
  }

  crash(id: string): void {
    const { cluster, prng } = this;
    this.faults++;
    cluster.crash(id, prng.between(0, cluster.node(id).writes.length));
    if (prng.chance(0.3)) cluster.node(id).disk.loseState();
  }

  network(): void {
    const { cluster, prng } = this;
    if (prng.chance(this.#rates.cut))
      this.#cut = prng.chance(0.5) ? prng.pick([...cluster.nodes.keys()]) : undefined;
    const cut = this.#cut;
    if (cut !== undefined)
      this.faults += cluster.drop({ from: cut }).length + cluster.drop({ to: cut }).length;
    for (let count = prng.between(0, 8); count > 0 && cluster.wire.length > 0; count--) {
      // Mostly in order; now and then any message of those on the wire, however old.
      const packet = prng.chance(0.8) ? cluster.wire[0] : prng.pick(cluster.wire);
      if (packet === undefined) return;
      if (prng.chance(this.#rates.lose)) {
        this.faults++;
        cluster.wire = cluster.wire.filter((one) => one !== packet);
      } else if (prng.chance(this.#rates.repeat)) cluster.receive(packet.message);
      else cluster.deliver(packet);
    }
    if (cluster.wire.length > 200) cluster.wire.splice(0, 100);
  }

  /** A read never sees less than what had been acknowledged when it was asked. */
  acknowledge(): void {
    for (const { id: node, outcomes, reads } of this.cluster.nodes.values()) {
      const seen = this.#seen.get(node) ?? { outcomes: 0, reads: 0 };
      for (const outcome of outcomes.slice(seen.outcomes)) {
        if (outcome.kind === "committed") this.#acknowledged = Math.max(this.#acknowledged, outcome.at.index);
      }
      for (const { id, index } of reads.slice(seen.reads)) {
        assert(
          index >= (this.readAsked.get(id) ?? 0),
          "check: a read sees all that was acknowledged before it",
        );
      }
      this.#seen.set(node, { outcomes: outcomes.length, reads: reads.length });
    }
  }

  /** Every proposal and every read ended once, unless its node crashed; committed ones have been applied. */
  account(): void {
    const ended = new Map<number, string>();
    for (const { outcomes } of this.cluster.nodes.values()) {
      for (const { id, kind } of outcomes) {
        expect(ended.has(id), "a proposal ends once").toBe(false);
        ended.set(id, kind);
      }
    }
    const texts = new Map<string, number>();
    for (const line of this.cluster.checks.history) {
      const [, text = ""] = line.split(" ");
      texts.set(text, (texts.get(text) ?? 0) + 1);
    }
    [...this.asked.keys()].forEach((id, at) => {
      const count = texts.get(`p${at}`) ?? 0;
      const kind = ended.get(id);
      if (kind === "committed") expect(count).toBe(1);
      else if (kind === "rejected") expect(count).toBe(0);
      else expect(count).toBeLessThanOrEqual(1);
    });
  }

  /** Whether a leader is there that stays, in a configuration that is not joint. */
  #calm(): boolean {
    const { leader } = this.cluster;
    if (leader === undefined) return false;
    const { voters, outgoing } = this.cluster.raft(leader).committedConfiguration;
    return outgoing.length === 0 && voters.includes(this.cluster.node(leader).id);
  }

  /** Faults end: the cluster finds a leader, agrees, and serves a new write and a new read on every member. */
  heal(): void {
    const { cluster } = this;
    for (const id of cluster.nodes.keys()) if (!cluster.isUp(id)) cluster.start(id);
    for (let round = 0; round < 300; round++) {
      for (const id of cluster.nodes.keys()) cluster.tick(id);
      cluster.settle();
      if (round > 30 && this.#calm()) break;
    }
    const leader = cluster.leader;
    expect(this.#calm(), "a leader that stays, and no joint configuration, once faults end").toBe(true);
    const write = cluster.propose(leader ?? "", "last");
    const reads = cluster.checks.members.map((id) => [id, cluster.read(id)] as const);
    cluster.settle();
    for (let round = 0; round < 4; round++) cluster.heartbeat(leader ?? "");
    const outcome = cluster.node(leader ?? "").outcomes.find(({ id }) => id === write);
    expect(outcome?.kind).toBe("committed");
    for (const [id, read] of reads) expect(cluster.node(id).reads.map((one) => one.id)).toContain(read);
    cluster.checks.converged();
  }
}

function run(seed: number, steps: number): World {
  const world = new World(seed);
  try {
    for (let at = 0; at < steps; at++) world.step();
    world.heal();
    world.account();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : "?"}`, { cause: error });
  }
  return world;
}

describe("random worlds", () => {
  it("are safe at every step, and the cluster is whole again when the faults end", () => {
    let committed = 0;
    let faults = 0;
    let changed = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const world = run(seed, 800);
      committed += world.cluster.checks.commitMax;
      faults += world.faults;
      changed += world.changed;
    }
    // Guards the test itself: worlds in which nothing happens prove nothing.
    expect(committed).toBeGreaterThan(3_000);
    expect(faults).toBeGreaterThan(1_500);
    expect(changed).toBeGreaterThan(300);
  });

  it("are the same for the same seed", () => {
    const first = run(7, 800).cluster;
    const second = run(7, 800).cluster;
    expect(second.checks.history).toEqual(first.checks.history);
    for (const [id, { trace }] of first.nodes) expect(second.node(id).trace).toEqual(trace);
  });
});
