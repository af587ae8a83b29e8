/** Who is who to this node: its peers, those who were removed, and guests. */

import type { NodeId, RemovedMember } from "../raft/index.ts";
import { Pins } from "./pins.ts";
import type { Peer } from "./types.ts";

/** Guests at one time; a lagging node needs one, the leader. More are refused like any unknown node. */
const GUESTS_MAX = 16;

export type Standing = "peer" | "removed" | "mayVisit" | "unknown";

export class Roster {
  readonly pins: Pins;
  #peers: ReadonlySet<NodeId>;
  #removed: ReadonlyMap<NodeId, string> = new Map();
  readonly #guests = new Set<NodeId>();
  readonly #turnedAway = new Set<NodeId>();
  /** Whether the peers are those of a log, which may lag, rather than those that the operator named. */
  #mayLag: boolean;

  /**
   * @param learn as of {@link Pins}.
   * @param mayLag whether guests are let in from the start.
   */
  constructor(
    peers: readonly Peer[],
    learn: (peer: NodeId, incarnation: string) => Promise<void>,
    mayLag = false,
  ) {
    this.pins = new Pins(peers, learn);
    this.#peers = new Set(peers.map(({ id }) => id));
    this.#mayLag = mayLag;
  }

  get size(): number {
    return this.#peers.size;
  }

  isPeer(node: NodeId): boolean {
    return this.#peers.has(node);
  }

  isGuest(node: NodeId): boolean {
    return this.#guests.has(node);
  }

  /** Replaces peers and removed nodes. Gives a sentence on each incarnation that contradicts what is known. */
  replace(peers: readonly Peer[], removed: readonly RemovedMember[]): string[] {
    this.#mayLag = true;
    this.#peers = new Set(peers.map(({ id }) => id));
    this.#removed = new Map(removed.map(({ id, incarnation }) => [id, incarnation]));
    for (const guest of this.#guests) {
      if (this.#peers.has(guest) || this.#removed.has(guest)) this.#guests.delete(guest);
    }
    this.pins.forgetAdopted((node) => this.#peers.has(node) || this.#guests.has(node));
    const faults: string[] = [];
    for (const { id, incarnation } of peers) {
      const fault = incarnation === undefined ? undefined : this.pins.adopt(id, incarnation);
      if (fault !== undefined) faults.push(fault);
    }
    return faults;
  }

  /** What the one who dialled is, as far as its name goes. */
  standingOf(node: NodeId, incarnation: string): Standing {
    if (this.#removed.get(node) === incarnation) return "removed";
    if (this.#peers.has(node)) return "peer";
    if (!this.#mayLag || this.#removed.has(node)) return "unknown";
    return this.#guests.has(node) || this.#guests.size < GUESTS_MAX ? "mayVisit" : "unknown";
  }

  /** Whether `node` is turned away for the first time: one that was removed may come again and again. */
  turnAway(node: NodeId): boolean {
    const isNews = !this.#turnedAway.has(node);
    this.#turnedAway.add(node);
    return isNews;
  }

  /** Like {@link Pins.settle}; but nobody needs to remember the incarnation of a guest. */
  async settle(node: NodeId, incarnation: string): Promise<string | undefined> {
    const isKnown = this.#peers.has(node) || this.pins.of(node) !== undefined;
    return isKnown ? await this.pins.settle(node, incarnation) : undefined;
  }

  /**
   * Called when everything has been proved and settled: whether the link may stand now. Who is no peer is a guest
   * from here on, until {@link leave}.
   */
  admit(node: NodeId, incarnation: string): boolean {
    if (
      this.standingOf(node, incarnation) === "mayVisit" &&
      this.pins.adopt(node, incarnation) === undefined
    ) {
      this.#guests.add(node);
    }
    return this.welcomes(node, incarnation);
  }

  /** The node is no guest any more; false if it was none. */
  leave(node: NodeId): boolean {
    if (!this.#guests.delete(node)) return false;
    this.pins.forgetAdopted((other) => other !== node);
    return true;
  }

  /** Whether a link with this node, proved to be this incarnation, may stand. */
  welcomes(node: NodeId, incarnation: string): boolean {
    return (this.#peers.has(node) || this.#guests.has(node)) && this.pins.of(node) === incarnation;
  }
}
