/** A whole cluster under one seed: nodes, network, clients, faults, and the checkers that watch. */

import { hash52, Prng } from "../../src/base/index.ts";
import { initialMeta, type NodeId, nodeId } from "../../src/raft/index.ts";
import { CommittedLog, committedStays } from "./checkers/committed-stays.ts";
import { leaderAppendsOnly } from "./checkers/leader-appends-only.ts";
import { logMatching } from "./checkers/log-matching.ts";
import { messagesAreDurable } from "./checkers/messages-are-durable.ts";
import { oneLeaderPerTerm } from "./checkers/one-leader-per-term.ts";
import { Reference, statesAgree } from "./checkers/states-agree.ts";
import { votesAreKept } from "./checkers/votes-are-kept.ts";
import { type ClientCounts, Clients } from "./clients.ts";
import { EventQueue } from "./event-queue.ts";
import { Network } from "./network.ts";
import { all, type Observer, Violation } from "./observer.ts";
import { drawProfile, type Profile } from "./profile.ts";
import { SimNode } from "./sim-node.ts";

/** After everything has healed, this much virtual time must be enough to elect, serve and converge, ms. */
const CONVERGE_MS = 60_000;

/** What happened, so that a batch of seeds can show that it tested something. */
export interface Coverage {
  elections: number;
  crashes: number;
  crashesWithUnsynced: number;
  partitions: number;
  leaderCutOffWithUnreplicated: number;
  pauses: number;
  truncations: number;
  installs: number;
  installsOverConflict: number;
  compactions: number;
  transfers: number;
  lost: number;
}

export interface RunResult {
  readonly seed: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly committed: number;
  /** Equal for equal seeds: hashes everything that was decided and sent. */
  readonly traceHash: number;
  readonly coverage: Coverage;
  readonly clients: ClientCounts;
}

export class World {
  readonly #seed: number;
  readonly #queue = new EventQueue();
  readonly #faults: Prng;
  readonly profile: Profile;
  readonly #network: Network;
  readonly #nodes: readonly SimNode[];
  readonly #clients: Clients;
  readonly #log = new CommittedLog();
  readonly #coverage: Coverage = {
    elections: 0,
    crashes: 0,
    crashesWithUnsynced: 0,
    partitions: 0,
    leaderCutOffWithUnreplicated: 0,
    pauses: 0,
    truncations: 0,
    installs: 0,
    installsOverConflict: 0,
    compactions: 0,
    transfers: 0,
    lost: 0,
  };
  #faulty = true;
  #traceHash = 0;

  constructor(seed: number, extra: readonly Partial<Observer>[] = []) {
    this.#seed = seed;
    // Independent streams, so that taking one fault away does not reshuffle all others.
    const stream = (name: string): Prng => new Prng(hash52([seed, name]));
    this.profile = drawProfile(stream("profile"));
    this.#faults = stream("faults");
    this.#network = new Network(this.#queue, stream("network"), this.profile);
    const reference = new Reference(this.#log);
    const observer = all([
      oneLeaderPerTerm(),
      votesAreKept(),
      leaderAppendsOnly(),
      logMatching(),
      committedStays(this.#log, () => this.#nodes),
      messagesAreDurable(),
      statesAgree(reference),
      this.#watch(),
      ...extra,
    ]);
    this.#nodes = this.#build(observer, stream);
    this.#clients = new Clients({
      queue: this.#queue,
      prng: stream("clients"),
      profile: this.profile,
      nodes: this.#nodes,
      reference,
    });
  }

  #build(observer: Observer, stream: (name: string) => Prng): SimNode[] {
    const ids = Array.from({ length: this.profile.nodes }, (_, at) => nodeId(`n${at + 1}`));
    const members = ids.map((id) => ({ id, incarnation: id.padStart(32, "0"), peer: `${id}:1`, api: `http://${id}` }));
    const initial = initialMeta({ voters: ids, outgoing: [], learners: [], members });
    return ids.map(
      (id): SimNode =>
        new SimNode({
          id,
          initial,
          raft: this.profile.raft,
          node: this.profile.node,
          queue: this.#queue,
          prng: stream(`node ${id}`),
          observer,
          diskMs: this.profile.diskMs,
          send: (message) =>
            this.#network.send(message.from, message.to, () =>
              this.#node(message.to).feed({ kind: "receive", message }),
            ),
          sendDigest: (from, digest) => {
            for (const to of ids) {
              if (to === from) continue;
              this.#network.send(from, to, () => this.#node(to).feed({ kind: "digest", from, digest }));
            }
          },
          sendSnapshot: (from, to, snapshot) =>
            this.#network.send(from, to, () => {
              this.#node(to).receiveSnapshot(snapshot);
              this.#network.send(to, from, () => this.#node(from).feed({ kind: "snapshotSent", to, ok: true }));
            }),
        }),
    );
  }

  #node(id: NodeId): SimNode {
    const found = this.#nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }

  /** Runs the seed to its end. @throws {Violation | InvariantViolation} at the first thing that goes wrong. */
  run(): RunResult {
    for (const node of this.#nodes) node.start();
    this.#clients.start();
    this.#schedule(this.profile.crashEveryMs, () => this.#crashSome());
    this.#schedule(this.profile.partitionEveryMs, () => this.#partition());
    this.#schedule(this.profile.pauseEveryMs, () => this.#pauseSome());
    this.#schedule(this.profile.transferEveryMs, () => this.#transfer());
    this.#queue.run(this.profile.faultyMs);
    this.#heal();
    this.#converge();
    this.#clients.checkSums(this.#log.last);
    return {
      seed: this.#seed,
      events: this.#queue.count,
      virtualMs: this.#queue.now,
      committed: this.#log.last,
      traceHash: this.#traceHash,
      coverage: { ...this.#coverage, lost: this.#network.lost },
      clients: this.#clients.counts,
    };
  }

  #schedule(everyMs: number, happen: () => void): void {
    if (everyMs === 0) return;
    this.#queue.after(-Math.log(1 - this.#faults.real()) * everyMs, () => {
      if (!this.#faulty) return;
      happen();
      this.#schedule(everyMs, happen);
    });
  }

  #crashSome(): void {
    const dice = this.#faults.real();
    const leader = this.#leader();
    const victims =
      dice < 0.1 ? this.#nodes : dice < 0.5 && leader !== undefined ? [leader] : [this.#faults.pick(this.#nodes)];
    for (const node of victims) {
      if (!node.isUp) continue;
      this.#coverage.crashes++;
      if (node.disk.hasUnsynced) this.#coverage.crashesWithUnsynced++;
      node.crash();
      const down = 20 - Math.log(1 - this.#faults.real()) * 300;
      this.#queue.after(down, () => {
        if (!node.isUp) node.start();
      });
    }
  }

  #leader(): SimNode | undefined {
    return this.#nodes.find((node) => node.reducer?.status().role === "leader");
  }

  #partition(): void {
    if (this.#faults.chance(0.3)) return this.#network.heal();
    this.#coverage.partitions++;
    const leader = this.#leader();
    const dice = this.#faults.real();
    const cut = new Set(this.#nodes.filter(() => this.#faults.chance(0.5)).map((node) => node.id));
    if (dice < 0.4 && leader !== undefined) {
      cut.clear();
      cut.add(leader.id);
      const status = leader.reducer?.status();
      if (status !== undefined && status.last > status.committed) this.#coverage.leaderCutOffWithUnreplicated++;
    }
    const oneWay = this.#faults.chance(0.3);
    for (const { id: from } of this.#nodes) {
      for (const { id: to } of this.#nodes) {
        if (cut.has(from) && !cut.has(to)) {
          this.#network.cut(from, to);
          if (!oneWay) this.#network.cut(to, from);
        }
      }
    }
  }

  #pauseSome(): void {
    const leader = this.#leader();
    const node = leader !== undefined && this.#faults.chance(0.5) ? leader : this.#faults.pick(this.#nodes);
    if (!node.isUp || node.isPaused) return;
    this.#coverage.pauses++;
    node.pause();
    this.#queue.after(this.#faults.real() * 1_500, () => node.resume());
  }

  #transfer(): void {
    this.#coverage.transfers++;
    this.#leader()?.feed({ kind: "transfer" });
  }

  #heal(): void {
    this.#faulty = false;
    this.#network.calm();
    for (const node of this.#nodes) {
      if (node.isPaused) node.resume();
      if (!node.isUp) node.start();
    }
  }

  /** I20: with all faults gone the cluster elects, serves everybody who still waits, and becomes one. */
  #converge(): void {
    this.#clients.stop();
    const end = this.#queue.now + CONVERGE_MS;
    this.#queue.run(end, () => this.#clients.idle && this.#agreed());
    if (this.#clients.idle && this.#agreed()) return;
    const standing = this.#nodes.map((node) => {
      const status = node.reducer?.status();
      return `${node.id} ${status?.role} term ${status?.term} applied ${status?.applied} last ${status?.last}`;
    });
    throw new Violation("I20 liveness", `not one cluster ${CONVERGE_MS} ms after healing: ${standing.join("; ")}`);
  }

  #agreed(): boolean {
    return (
      this.#leader()?.reducer?.status().opened === true &&
      this.#nodes.every((node) => node.reducer?.status().applied === this.#log.last)
    );
  }

  /** Counts what happened and hashes it, for coverage and for determinism. */
  #watch(): Partial<Observer> {
    const coverage = this.#coverage;
    return {
      drained: (node, effects) => {
        for (const event of effects.trace) {
          if (event.kind === "role" && event.role === "leader") coverage.elections++;
          if (event.kind === "truncate") coverage.truncations++;
          if (event.kind === "compact") coverage.compactions++;
          if (event.kind === "install") coverage.installs++;
          if (event.kind === "alarm") throw new Violation("I9 states agree", event.text);
        }
        const { write, send, apply } = effects;
        if (write?.install !== undefined && node.disk.synced.last.index >= write.install.index) {
          coverage.installsOverConflict++;
        }
        this.#traceHash = hash52([
          this.#traceHash,
          Math.round(this.#queue.now * 1_000),
          node.id,
          write?.seq ?? 0,
          send.length,
          apply?.entries.length ?? 0,
          ...send.map((message) => `${message.kind}${message.to}${message.term}`),
        ]);
      },
    };
  }
}

/** Runs one seed. @throws {Violation | InvariantViolation} */
export function simulate(seed: number): RunResult {
  return new World(seed).run();
}
