/** A whole cluster under one seed: nodes, network, clients, faults, and the checkers that watch. */

import { hash52, Prng } from "../../src/base/index.ts";
import type { Member, SnapshotMeta } from "../../src/raft/index.ts";
import { Announcer } from "./announcer.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { converged, isOne } from "./checkers/converges.ts";
import { exactlyOnce } from "./checkers/exactly-once.ts";
import { type Trial, tryDeafNode, tryLostLeader, tryRemovedNodes } from "./checkers/leaders-come-and-stay.ts";
import { Reference } from "./checkers/reference.ts";
import { checkersOf } from "./checkers.ts";
import { Clients } from "./clients.ts";
import { countingRuns } from "./counting.ts";
import { Courier } from "./courier.ts";
import { type Counted, Coverage } from "./coverage.ts";
import { EventQueue } from "./event-queue.ts";
import { type FaultId, Faults, type Happened } from "./faults.ts";
import { Links, peersIn } from "./links.ts";
import { Nemesis } from "./nemesis.ts";
import { Network } from "./network.ts";
import { all, type Observer, Violation } from "./observer.ts";
import { Operator } from "./operator.ts";
import { drawProfile, type Profile, type RunLength } from "./profile.ts";
import { Roster } from "./roster.ts";
import { SimNode } from "./sim-node.ts";
import { Standing } from "./standing.ts";
import { Survivors } from "./survivors.ts";
import { Views } from "./views.ts";
import { underVirtualClocks } from "./wall-clock.ts";
import { Workload } from "./workload.ts";

/** After everything has healed, this much virtual time must be enough to elect, serve and converge, ms. */
const CONVERGE_MS = 60_000;
/** Longer than any grace to stop in, ms. */
const SETTLE_MS = 2_500;
/** Between these the clocks of the nodes go, where they do not go alike: ms counted for each ms that passes. */
const CLOCK_RATES = { low: 0.8, high: 1.25 } as const;
/** So many operations have to succeed after everything has healed. */
const CLOSING_OPERATIONS = 80;

/** How long a change is thought about that would lose the quorum, ms. */
const TEMPTED_MS = 100;
/** So many operations are begun while only a majority is well. */
const MAJORITY_OPERATIONS = 40;

/** What each run has to have served at least. Few are served in time where slow disks and many clients meet. */
const TRAFFIC = { writes: 10, reads: 8 } as const;

export interface RunResult {
  readonly seed: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly committed: number;
  /** Equal for equal seeds: hashes everything that was decided and sent. */
  readonly traceHash: number;
  readonly coverage: Readonly<Record<Counted, number>>;
}

export interface WorldOptions {
  /** Watch along; they see each event before the checkers, which may refuse it. */
  readonly observers?: readonly Partial<Observer>[];
  /** Instead of the length that the seed draws. */
  readonly length?: RunLength;
  /** Replaces parts of what the seed draws. */
  readonly profile?: Partial<Profile>;
  /** The run is over at this moment, virtual ms, as if nothing could go wrong after it. */
  readonly untilMs?: number;
  /** Of all faults that are due, only these happen. */
  readonly only?: ReadonlySet<FaultId>;
}

export class World {
  readonly #seed: number;
  readonly #queue: EventQueue;
  readonly profile: Profile;
  readonly #network: Network;
  readonly #courier: Courier;
  readonly #nemesis: Nemesis;
  readonly #links: Links;
  readonly #roster: Roster;
  readonly #operator: Operator;
  readonly #announcer: Announcer;
  readonly #clients: Clients;
  readonly #log: CommittedLog;
  readonly #views = new Views();
  readonly #coverage = new Coverage();
  readonly #standing = new Standing();
  readonly #observer: Observer;
  readonly #faults: Faults;
  #traceHash = 0;

  constructor(seed: number, options: WorldOptions = {}) {
    this.#seed = seed;
    this.#queue = new EventQueue(options.untilMs);
    const stream = (name: string): Prng => this.#stream(name);
    this.profile = { ...drawProfile(stream("profile"), options.length), ...options.profile };
    const { profile } = this;
    const shared = { queue: this.#queue, profile, coverage: this.#coverage, standing: this.#standing };
    this.#network = new Network({ ...shared, prng: stream("network") });
    const node = (id: Member["id"]): SimNode | undefined => this.#roster.node(id);
    this.#links = new Links({ ...shared, network: this.#network, views: this.#views, node });
    this.#courier = new Courier({ ...shared, prng: stream("snapshots"), links: this.#links });
    const note = (text: string): void => this.#observer.noted(text);
    const now = (): number => this.#queue.now;
    this.#faults = new Faults({ seed, only: options.only, now, note });
    const build = (member: Member, base: SnapshotMeta): SimNode => this.#build(member, base, stream);
    this.#roster = new Roster({
      ...shared,
      prng: stream("roster"),
      build,
      note,
      log: () => this.#log,
      retireMs: profile.retireMs,
    });
    const initial = this.#roster.found(profile.nodes);
    this.#log = new CommittedLog(initial);
    const known = { ...shared, faults: this.#faults, roster: this.#roster, note };
    this.#operator = new Operator({
      ...known,
      prng: stream("operator"),
      views: this.#views,
      log: this.#log,
    });
    this.#announcer = new Announcer({
      ...known,
      prng: stream("announcements"),
      links: this.#links,
      views: this.#views,
    });
    this.#nemesis = new Nemesis({
      ...known,
      prng: stream("flushes"),
      network: this.#network,
      courier: this.#courier,
      operator: this.#operator,
      announcer: this.#announcer,
      burst: (node, { prng }) => this.#clients.burst(node, prng),
    });
    this.#observer = this.#watch(options.observers ?? []);
    this.#roster.form(initial);
    this.#clients = new Clients({ ...known, workload: new Workload(stream("clients"), profile) });
  }

  /** Virtual ms since the beginning. */
  get now(): number {
    return this.#queue.now;
  }

  /** The faults that have happened so far, in order. */
  get faults(): readonly Happened[] {
    return this.#faults.happened;
  }

  #watch(extra: readonly Partial<Observer>[]): Observer {
    const { limits } = this.profile;
    const watchers = [exactlyOnce(limits), countingRuns(this.#coverage)];
    return all([
      ...extra,
      this.#standing.observer,
      this.#views.observer,
      { drained: (node, effects) => this.#clients.lookFor(node, effects) },
      this.#nemesis.observer,
      this.#announcer.observer,
      ...checkersOf({
        seed: this.#seed,
        profile: this.profile,
        log: this.#log,
        reference: new Reference(this.#log, limits, watchers),
        nodes: () => this.#roster.nodes,
        everyone: () => [...this.#roster.nodes, ...this.#roster.lost],
        views: this.#views,
        hearing: { mended: () => this.#network.mended, isDeaf: (node) => this.#isDeaf(node) },
        now: (node) => node.clock.ms,
        coverage: this.#coverage,
        standing: this.#standing,
      }),
      { drained: (node, effects) => this.#hash(node, effects) },
    ]);
  }

  /** Independent ones, so that taking one fault away does not reshuffle all others. */
  #stream(name: string): Prng {
    return new Prng(hash52([this.#seed, name]));
  }

  #build(member: Member, initial: SnapshotMeta, stream: (name: string) => Prng): SimNode {
    const { profile } = this;
    const { id, incarnation } = member;
    return new SimNode({
      id,
      incarnation,
      initial,
      raft: profile.raft,
      node: profile.node,
      limits: profile.limits,
      queue: this.#queue,
      prng: stream(`node ${id} ${incarnation}`),
      observer: this.#observer,
      tickMs: profile.tickMs,
      diskMs: profile.diskMs,
      segmentBytes: profile.segmentBytes,
      sqlite: profile.sqlite,
      clockRate: profile.drift
        ? CLOCK_RATES.low + stream(`clock ${id} ${incarnation}`).real() * (CLOCK_RATES.high - CLOCK_RATES.low)
        : 1,
      perils: this.#nemesis.perils,
      send: (from, sent) => {
        const message = this.#network.carry(sent);
        const { to, kind } = message;
        this.#observer.sent(from, message);
        const take = (node: SimNode): void => node.feed({ kind: "receive", message });
        const arrive = (): void => this.#links.arrive(from, to, take);
        if (kind === "timeoutNow" && this.#nemesis.delaysHandover(message, arrive)) return;
        this.#links.send(from, to, take, kind.endsWith("Response"));
      },
      sendDigest: (from, digest) => {
        for (const to of peersIn(this.#views.of(from), from.id)) {
          this.#links.send(from, to, (node) => node.feed({ kind: "digest", from: from.id, digest }));
        }
      },
      sendSnapshot: (from, to, snapshot) => this.#courier.send(from, to, snapshot),
    });
  }

  /** Whether nothing reaches `node`, of all that runs. */
  #isDeaf(node: SimNode): boolean {
    return this.#roster.nodes.every(({ id }) => id === node.id || this.#network.isCut(id, node.id));
  }

  /** Runs the seed to its end. @throws {OutOfTime} at `untilMs`. @throws {Violation | InvariantViolation} at the first thing that goes wrong. */
  run(): RunResult {
    return underVirtualClocks(() => this.#run());
  }

  #run(): RunResult {
    for (const node of this.#roster.nodes) node.start();
    this.#roster.start();
    this.#clients.start();
    this.#operator.start();
    this.#announcer.start();
    this.#nemesis.start();
    this.#queue.run(this.profile.faultyMs);
    this.#roster.keep();
    this.#tryMajority();
    this.#nemesis.heal();
    this.#roster.calm();
    this.#clients.goOn();
    this.#operator.finish();
    this.#announcer.calm();
    this.#clients.stopAfter(CLOSING_OPERATIONS);
    const { nodes } = this.#roster;
    const changed = (): boolean => this.#operator.idle && !this.#announcer.isOpen;
    const isOver = (): boolean => this.#clients.idle && changed() && isOne(nodes, this.#log);
    this.#queue.run(this.#queue.now + CONVERGE_MS, isOver);
    converged(nodes, this.#log, { clients: this.#clients.idle, operator: changed() });
    this.#observer.ended(nodes);
    this.#checkTraffic();
    this.#tryAvailability();
    return {
      seed: this.#seed,
      events: this.#queue.count,
      virtualMs: this.#queue.now,
      committed: this.#log.last,
      traceHash: this.#traceHash,
      coverage: this.#coverage.counts,
    };
  }

  /** Only a majority is healed; it has to serve, and to agree. */
  #tryMajority(): void {
    const options = { prng: this.#stream("survivors"), roster: this.#roster, log: () => this.#log };
    const survivors = new Survivors(options);
    const core = survivors.draw();
    if (core === undefined) return;
    this.#operator.rest();
    this.#nemesis.healSome(core);
    this.#clients.stopAfter(MAJORITY_OPERATIONS);
    const isOver = (): boolean => this.#clients.idle && survivors.areOne();
    this.#queue.run(this.#queue.now + CONVERGE_MS, isOver);
    if (!survivors.check(this.#clients.idle)) return;
    this.#coverage.count("majorities that served without the others");
    const [one, other] = survivors.leaderAndAnother();
    if (one !== undefined && other !== undefined) this.#operator.tempt(one, other.id);
    this.#queue.run(this.#queue.now + TEMPTED_MS);
  }

  /** No run may pass by being idle; a healthy cluster serves, whatever was before. */
  #checkTraffic(): void {
    const { counts } = this.#coverage;
    const writes = counts["writes acknowledged"];
    const reads = counts["linearizable reads"];
    if (writes >= TRAFFIC.writes && reads >= TRAFFIC.reads) return;
    throw new Violation(
      "I20 liveness",
      `only ${writes} writes and ${reads} reads were served in the whole run`,
    );
  }

  #tryAvailability(): void {
    // What was begun before everything healed ends first: a graceful stop, an order to take over that is late.
    this.#queue.run(this.#queue.now + SETTLE_MS);
    const { voters } = this.#log.configuration.configuration;
    const { raft, tickMs, drift } = this.profile;
    const trial: Trial = {
      nodes: this.#roster.members.filter(({ id }) => voters.includes(id)),
      electionMs: (raft.electionTicks * tickMs) / (drift ? CLOCK_RATES.low : 1),
      pass: (ms) => this.#queue.run(this.#queue.now + ms),
      cut: (from, to) => this.#network.cut(from, to),
      heal: () => this.#network.heal(),
    };
    tryRemovedNodes(trial);
    // Whoever is cut off for the trial would be removed for its silence, and be missed in the next one.
    if (this.profile.node.autoremoveMs !== undefined) return;
    tryDeafNode(trial);
    tryLostLeader(trial);
    this.#links.keepRemoved();
    tryRemovedNodes(trial);
  }

  #hash({ id }: SimNode, { write, send, apply, responses }: Parameters<Observer["drained"]>[1]): void {
    if (write === undefined && apply === undefined && send.length + responses.length === 0) return;
    this.#traceHash = hash52([
      this.#traceHash,
      Math.round(this.#queue.now * 1_000),
      id,
      write?.seq ?? 0,
      apply?.entries.length ?? 0,
      responses.length,
      send.map((message) => `${message.kind}${message.to}${message.term}`).join(),
    ]);
  }
}

/** Runs one seed. @throws {Violation | InvariantViolation} */
export function simulate(seed: number): RunResult {
  return new World(seed).run();
}
