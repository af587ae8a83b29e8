/**
 * Every node that there is or was: those of the beginning, fresh ones that join, those that were removed and go on
 * as if they belonged, and those whose disk was wiped. Under each id there is one process at a time.
 */

import type { Prng } from "../../src/base/index.ts";
import {
  type Configuration,
  initialMeta,
  type Member,
  NO_CONFIGURATION,
  type NodeId,
  nodeId,
  type SnapshotMeta,
} from "../../src/raft/index.ts";
import type { CommittedLog } from "./checkers/committed-log.ts";
import { configurationsOf, hasQuorum, hasRemoved, names } from "./checkers/configurations.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimNode } from "./sim-node.ts";

/** How often somebody looks who was added and who was removed, ms. */
const LOOK_MS = 25;

export interface RosterOptions {
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly log: () => CommittedLog;
  readonly coverage: Coverage;
  readonly build: (member: Member, base: SnapshotMeta) => SimNode;
  readonly note: (text: string) => void;
  /** A node that was removed so long ago is switched off for good, ms; 0: it goes on for ever. */
  readonly retireMs: number;
}

export class Roster {
  readonly #options: RosterOptions;
  /** One for each id that was ever started; a wiped node gives its place to whoever is there now. */
  readonly nodes: SimNode[] = [];
  /** Drawn, and waiting until the cluster has added them. */
  readonly #fresh: Member[] = [];
  /** Those whose disk is gone, with what was on it. */
  readonly #lost: Map<string, SimNode> = new Map();
  /** Removed ones that have been seen to. */
  readonly #gone: Set<SimNode> = new Set();
  /** Removed ones that are switched off for good. */
  readonly #retired: Set<SimNode> = new Set();
  #drawn = 0;
  #calm = false;
  #keeping = false;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** The members of a new cluster. */
  found(size: number): Configuration {
    const members = Array.from({ length: size }, () => this.#draw(this.#options.prng));
    const voters = members.map(({ id }) => id);
    return { voters, outgoing: [], learners: [], members, removed: [] };
  }

  form(configuration: Configuration): void {
    const base = initialMeta(configuration);
    for (const member of configuration.members) this.nodes.push(this.#options.build(member, base));
  }

  /** Looks from now on after those who are added and those who are removed. */
  start(): void {
    this.#options.queue.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  calm(): void {
    this.#calm = true;
  }

  /** From now on nobody is switched off for good any more: a majority is counted on. */
  keep(): void {
    this.#keeping = true;
  }

  /** A node that waits to be added. */
  fresh(prng: Prng): Member {
    const member = this.#draw(prng);
    this.#fresh.push(member);
    return member;
  }

  /** Those whose disk was wiped, as they were then. */
  get lost(): Iterable<SimNode> {
    return this.#lost.values();
  }

  node(id: NodeId): SimNode | undefined {
    return this.nodes.find((node) => node.id === id);
  }

  /** Those that the committed configuration names and that are running. */
  get members(): readonly SimNode[] {
    const { configuration } = this.#options.log().configuration;
    return this.nodes.filter((node) => names(configuration, node));
  }

  isRemoved(node: SimNode): boolean {
    return hasRemoved(this.#options.log().configuration.configuration, node);
  }

  isRetired(node: SimNode): boolean {
    return this.#retired.has(node);
  }

  isLost({ incarnation }: Pick<Member, "incarnation">): boolean {
    return this.#lost.has(incarnation);
  }

  /** Members whose disk is gone and who have not been replaced. */
  get lostMembers(): readonly Member[] {
    return this.#options.log().configuration.configuration.members.filter((member) => this.isLost(member));
  }

  /** Whether a quorum of whole disks is left in every configuration that may still be in force, without `node`. */
  survives(node?: SimNode): boolean {
    return this.inPlay.every((one) => this.hasWholeQuorum(one, node));
  }

  /** The committed configuration, and every later one that is in some log: each may be in force. */
  get inPlay(): readonly Configuration[] {
    const { index, configuration } = this.#options.log().configuration;
    const inPlay = [configuration];
    for (const { disk } of this.nodes) {
      for (const one of configurationsOf(disk.latest)) if (one.index > index) inPlay.push(one.configuration);
    }
    return inPlay;
  }

  hasWholeQuorum(configuration: Configuration, without?: SimNode): boolean {
    const damaged = this.nodes.filter(({ disk }) => disk.hasDamage).map(({ incarnation }) => incarnation);
    const isWhole = ({ incarnation }: Member): boolean =>
      !this.#lost.has(incarnation) && !damaged.includes(incarnation) && incarnation !== without?.incarnation;
    return hasQuorum(configuration, isWhole);
  }

  /** The disk of `node` is wiped. What starts in its place has its id and nothing else. */
  wipe(node: SimNode, prng: Prng): SimNode {
    const { build } = this.#options;
    if (node.isUp) node.crash(prng);
    this.#lost.set(node.incarnation, node);
    const empty = build(drawMember(node.id, prng), initialMeta(NO_CONFIGURATION));
    this.nodes[this.nodes.indexOf(node)] = empty;
    return empty;
  }

  #draw(prng: Prng): Member {
    return drawMember(nodeId(`n${++this.#drawn}`), prng);
  }

  #look(): void {
    const { log, prng, build, note } = this.#options;
    const { configuration } = log().configuration;
    for (const [at, member] of this.#fresh.entries()) {
      if (!names(configuration, member) || (!this.#calm && prng.chance(0.3))) continue;
      this.#fresh.splice(at, 1);
      note(`${member.id} joins`);
      const node = build(member, initialMeta(NO_CONFIGURATION));
      this.nodes.push(node);
      node.start();
      break;
    }
    for (const node of this.nodes) {
      if (this.#gone.has(node) || !this.isRemoved(node)) continue;
      this.#gone.add(node);
      this.#retire(node);
      if (!this.#calm && prng.chance(0.5)) this.#leave(node);
    }
  }

  /** Somebody gets round to switching a removed node off: else an hour of changes would be spent on old nodes. */
  #retire(node: SimNode): void {
    const { queue, prng, note, retireMs } = this.#options;
    if (retireMs === 0) return;
    queue.after(retireMs, () => {
      if (this.#keeping) return;
      this.#retired.add(node);
      if (!node.isUp) return;
      note(`${node.id}, which was removed, is switched off for good`);
      node.crash(prng);
    });
  }

  /** A removed node is switched off, and comes back with all that it had. */
  #leave(node: SimNode): void {
    const { queue, prng, note } = this.#options;
    if (!node.isUp) return;
    note(`${node.id}, which was removed, is switched off`);
    node.crash(prng);
    queue.after(prng.real() * 2_000, () => {
      if (node.isUp || this.isLost(node) || this.isRetired(node)) return;
      note(`${node.id}, which was removed, comes back`);
      node.start();
    });
  }
}

/** What a new data directory draws. */
function drawMember(id: NodeId, prng: Prng): Member {
  const incarnation = prng.next().toString(16).padStart(32, "0");
  return { id, incarnation, peer: `${id}:1`, api: `http://${id}` };
}
