/**
 * Carries snapshots between nodes, as slowly and as badly as a seed says: an offer is a message like any other, the
 * fetch takes its time, may fail, or may never be heard of again, and an older file may come in after a newer one.
 */

import type { Prng } from "../../src/base/index.ts";
import type { NodeId } from "../../src/raft/index.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Links } from "./links.ts";
import type { Profile } from "./profile.ts";
import type { StateAt } from "./sim-disk.ts";
import type { SimNode } from "./sim-node.ts";

export interface CourierOptions {
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly profile: Profile;
  readonly links: Links;
  readonly coverage: Coverage;
}

export class Courier {
  readonly #options: CourierOptions;
  readonly #latest: Map<SimNode, number> = new Map();
  #calm = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** From now on every transfer ends well, and soon. */
  calm(): void {
    this.#calm = true;
  }

  send(from: SimNode, to: NodeId, snapshot: StateAt): void {
    this.#options.links.send(from, to, (receiver) => this.#fetch(from, receiver, snapshot));
  }

  #fetch(from: SimNode, to: SimNode, snapshot: StateAt): void {
    const { queue, prng, profile, coverage } = this.#options;
    const { boot } = to;
    // Now and then one takes so long that a newer one overtakes it.
    const most = profile.snapshotMs * (prng.chance(0.1) ? 10 : 1);
    queue.after(prng.real() * (this.#calm ? 5 : most), () => {
      // A process that dies loses the fetch; what it has of the file may be there, but nobody is told.
      if (to.boot !== boot || !to.isUp) return;
      if (!this.#calm && prng.chance(profile.snapshotLost)) return coverage.count("snapshot transfers lost");
      if (!this.#calm && prng.chance(profile.snapshotFails)) {
        coverage.count("snapshot transfers failed");
        return this.#report(from, to, false);
      }
      if (from.disk.isDamaged(snapshot)) {
        coverage.count("damaged snapshots sent");
        from.retakeSnapshot();
        return this.#report(from, to, false);
      }
      const { index } = snapshot.position;
      coverage.count("snapshots received");
      const latest = this.#latest.get(to) ?? 0;
      if (latest > index) coverage.count("snapshots received after a newer one");
      this.#latest.set(to, Math.max(latest, index));
      to.receiveSnapshot(snapshot);
      this.#report(from, to, true);
    });
  }

  #report(from: SimNode, to: SimNode, ok: boolean): void {
    this.#options.links.send(to, from.id, (node) => node.feed({ kind: "snapshotSent", to: to.id, ok }));
  }
}
