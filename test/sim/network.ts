/** The simulated network: loss, delay, reorder, duplication, and links that are cut in one direction or both. */

import type { Prng } from "../../src/base/index.ts";
import type { NodeId } from "../../src/raft/index.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Profile } from "./profile.ts";

export class Network {
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #profile: Profile;
  readonly #cut: Set<string> = new Set();
  #calm = false;
  lost = 0;

  constructor(queue: EventQueue, prng: Prng, profile: Profile) {
    this.#queue = queue;
    this.#prng = prng;
    this.#profile = profile;
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from} ${to}`);
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut.has(`${from} ${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** From now on everything arrives, soon and once. */
  calm(): void {
    this.heal();
    this.#calm = true;
  }

  send(from: NodeId, to: NodeId, arrive: () => void): void {
    const { loss, duplicate, replayMs } = this.#profile;
    if (!this.#calm && this.#prng.chance(duplicate)) {
      this.#queue.after(this.#prng.real() * replayMs, () => this.#arrive(from, to, arrive));
    }
    if (!this.#calm && this.#prng.chance(loss)) {
      this.lost++;
      return;
    }
    this.#queue.after(this.#delay(), () => this.#arrive(from, to, arrive));
  }

  /** A message is lost to a cut that is there when it leaves or when it arrives; here: when it arrives. */
  #arrive(from: NodeId, to: NodeId, arrive: () => void): void {
    if (this.isCut(from, to)) this.lost++;
    else arrive();
  }

  #delay(): number {
    const { delayMs } = this.#profile;
    const mean = this.#calm ? 0.5 : delayMs;
    return 0.05 + mean * 0.3 - Math.log(1 - this.#prng.real()) * mean * 0.7;
  }
}
