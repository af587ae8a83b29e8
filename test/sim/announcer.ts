/**
 * What nodes say of themselves to their leader until the configuration says so too: that a learner wants a vote,
 * and that a node has moved to another address.
 */

import type { Prng } from "../../src/base/index.ts";
import { memberOf } from "./checkers/configurations.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Links } from "./links.ts";
import type { Observer } from "./observer.ts";
import type { Profile } from "./profile.ts";
import type { Roster } from "./roster.ts";
import type { SimNode } from "./sim-node.ts";
import type { Views } from "./views.ts";

/** How often a node says so, ms. */
const EVERY_MS = 100;

export interface AnnouncerOptions {
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly profile: Profile;
  readonly roster: Roster;
  readonly links: Links;
  readonly coverage: Coverage;
  readonly views: Views;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  /** Where a node is, if it has moved. */
  readonly #addresses: Map<SimNode, string> = new Map();
  readonly #wantVotes: Set<SimNode> = new Set();
  #calm = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  readonly observer: Partial<Observer> = {
    started: (node) => {
      const { prng, profile } = this.#options;
      if (profile.announce === 0 || this.#calm) return;
      if (node.boot === 1 && prng.chance(profile.announce)) this.#wantVotes.add(node);
      else if (prng.chance(profile.announce / 5))
        this.#addresses.set(node, `${node.id}:${prng.between(10, 99)}`);
    },
  };

  start(): void {
    if (this.#options.profile.announce === 0) return;
    this.#options.queue.after(EVERY_MS, () => {
      for (const node of this.#options.roster.nodes) this.#speak(node);
      this.start();
    });
  }

  /** Nobody moves any more. */
  calm(): void {
    this.#calm = true;
  }

  /** Whether this node may become a voter without anybody asking for it. */
  mayBePromoted(node: SimNode): boolean {
    const { effective } = this.#options.views.of(node);
    return this.#wantVotes.has(node) && !effective.voters.includes(node.id);
  }

  /** Whether a member says something of itself that the configuration does not say yet. */
  get isOpen(): boolean {
    return this.#options.roster.members.some((node) => this.#hasMoved(node) || this.mayBePromoted(node));
  }

  #hasMoved(node: SimNode): boolean {
    const address = this.#addresses.get(node);
    return (
      address !== undefined && memberOf(this.#options.views.of(node).effective, node.id)?.peer !== address
    );
  }

  #speak(node: SimNode): void {
    if (!node.isUp || node.isPaused) return;
    const { links, views, coverage } = this.#options;
    const member = memberOf(views.of(node).effective, node.id);
    if (member?.incarnation !== node.incarnation) return;
    const wantsVote = this.mayBePromoted(node);
    const moved = this.#hasMoved(node);
    const leader = wantsVote || moved ? node.reducer?.status().leader : undefined;
    if (leader === undefined) return;
    if (wantsVote) coverage.count("votes that learners asked for");
    const said = { ...member, peer: this.#addresses.get(node) ?? member.peer };
    const announce = { kind: "announce", from: node.id, member: said, wantsVote } as const;
    if (leader === node.id) node.feed(announce);
    else links.send(node, leader, (receiver) => receiver.feed(announce));
  }
}
