/** What goes wrong, when and how often, as the profile of a seed says; and the healing at the end. */

import type { Prng } from "../../src/base/index.ts";
import type { Message } from "../../src/raft/index.ts";
import type { Counted } from "./coverage.ts";
import type { Fault, FaultKind } from "./faults.ts";
import { freezeSome, setSome } from "./faults-of-clocks.ts";
import { refused, rotSnapshot, rotSome, troubleSome, wipeSome } from "./faults-of-disks.ts";
import { churn, clogSome, delayHandover, interrupt, partition, sendAway } from "./faults-of-links.ts";
import { crashSome, doomSome, pauseSome, stopSome, strikeInstall, transfer } from "./faults-of-nodes.ts";
import { breakLinks, type Hurt, restartLater } from "./hurt.ts";
import { type Observer, Violation } from "./observer.ts";
import type { Perils } from "./perils.ts";
import type { Profile } from "./profile.ts";
import type { Recovered, Repaired } from "./sim-disk.ts";
import type { SimNode } from "./sim-node.ts";
import type { Trouble } from "./sim-writer.ts";

export interface NemesisOptions extends Omit<Hurt, "isOver" | "doom" | "rotten"> {
  /** The stream for what hits each flush and each restore. */
  readonly prng: Prng;
  readonly note: (text: string) => void;
}

type Happen = (hurt: Hurt, fault: Fault) => void;

/** What is due at moments of its own: how often, on average, and what it does. */
const TIMED: readonly (readonly [FaultKind, (profile: Profile) => number, Happen])[] = [
  ["crash", ({ crashEveryMs }) => crashEveryMs, crashSome],
  ["death", ({ dieEveryMs }) => dieEveryMs, doomSome],
  ["partition", ({ partitionEveryMs }) => partitionEveryMs, partition],
  ["clog", ({ clogEveryMs }) => clogEveryMs, clogSome],
  ["freeze", ({ freezeEveryMs }) => freezeEveryMs, freezeSome],
  ["clock", ({ wallClockEveryMs }) => wallClockEveryMs, setSome],
  ["churn", ({ churnEveryMs }) => churnEveryMs, churn],
  ["pause", ({ pauseEveryMs }) => pauseEveryMs, pauseSome],
  ["transfer", ({ transferEveryMs }) => transferEveryMs, transfer],
  ["stop", ({ stopEveryMs }) => stopEveryMs, stopSome],
  ["disk", ({ troubleEveryMs }) => troubleEveryMs, troubleSome],
  ["rot", ({ rotEveryMs }) => rotEveryMs, rotSome],
  ["wipe", ({ wipeEveryMs }) => wipeEveryMs, wipeSome],
  ["away", ({ awayEveryMs }) => awayEveryMs, sendAway],
];

const MET: Readonly<Record<Trouble["kind"], Counted>> = {
  slow: "flushes on a slow disk",
  hangs: "flushes that hung",
  fails: "flushes that failed",
  full: "flushes on a full disk",
};

const DID: Readonly<Partial<Record<Repaired, Counted>>> = {
  "installed a snapshot": "installs finished by a recovery",
  "restored the state": "states restored by a recovery",
};

interface Doom {
  readonly fault: Fault;
  readonly boot: number;
  left: number;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #hurt: Hurt;
  readonly #doomed: Map<SimNode, Doom> = new Map();
  #faulty = true;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#hurt = {
      ...options,
      rotten: new Map(),
      isOver: () => !this.#faulty,
      doom: (node, fault, after) => this.#doomed.set(node, { fault, boot: node.boot, left: after }),
    };
  }

  start(): void {
    const { profile, faults } = this.#options;
    for (const [kind, every, happen] of TIMED) {
      if (every(profile) > 0) this.#schedule(kind, every(profile), { moments: faults.stream(kind), happen });
    }
  }

  /** All faults go away, but only some nodes are well again; each of the others dies now, or is cut off for good. */
  healSome(core: ReadonlySet<SimNode>): void {
    const { prng, network, roster } = this.#options;
    this.#end(`only ${[...core].map(({ id }) => id).join(" ")} are healed`);
    for (const node of [...roster.nodes]) {
      if (core.has(node)) {
        this.#healOne(node);
        continue;
      }
      if (node.isUp && prng.chance(0.6)) node.crash(prng);
      // Also one that is down: somebody may start it.
      network.leave(node.id);
    }
  }

  /** All faults go away, and everyone who was down comes back. */
  heal(): void {
    this.#end("everything heals");
    const { roster } = this.#options;
    for (const node of [...roster.nodes]) {
      // Whoever was switched off for good is not missed.
      if (node.isUp || !roster.isRetired(node)) this.#healOne(node);
    }
  }

  #end(how: string): void {
    this.#faulty = false;
    this.#options.note(how);
    this.#options.network.calm();
    this.#options.courier.calm();
  }

  #healOne(node: SimNode): void {
    node.suffer(undefined);
    node.clock.thaw();
    if (node.isPaused) node.resume();
    if (!node.isUp) node.start();
  }

  readonly perils: Perils = {
    stall: () => {
      const { prng, profile } = this.#options;
      return this.#faulty && prng.chance(profile.stall) ? prng.real() * profile.stallMs : 0;
    },
    // As long as its transfer may, and twice that.
    restoreMs: () => {
      const { prng, profile } = this.#options;
      return this.#faulty ? 2 * prng.real() * profile.snapshotMs : 0;
    },
    diesAfter: (node, effects) => this.#diesAfter(node, effects),
    onDeath: (node, fault) => this.#died(node, fault, "between effects"),
    diesRecovering: () => {
      const { profile, faults } = this.#options;
      if (!this.#faulty || profile.dieRecovering === 0) return undefined;
      const fault = faults.due("recovery");
      if (fault === undefined || !fault.prng.chance(profile.dieRecovering)) return undefined;
      return { before: fault.prng.between(0, 4), fault };
    },
    onDeathInRecovery: (node, fault) => this.#died(node, fault, "during recovery"),
    onRecovery: (_node, recovered) => this.#countRecovery(recovered),
    onRefusal: (node, reason) => {
      const fault = this.#hurt.rotten.get(node);
      if (fault === undefined) throw new Violation("I22 a whole disk is accepted", reason.message);
      fault.note(`${node.id} refuses to start: ${reason.found}`);
      refused(this.#hurt, fault, node);
    },
    diesReceiving: (node) => {
      const { profile, faults } = this.#options;
      if (!this.#faulty || profile.dieInstalling === 0) return;
      const fault = faults.due("install");
      if (fault !== undefined) strikeInstall(this.#hurt, fault, node);
    },
    sendsSnapshot: (node) => {
      const { profile, faults } = this.#options;
      const fault = this.#faulty && profile.rotEveryMs > 0 ? faults.due("rot") : undefined;
      if (fault?.prng.chance(0.3) === true) rotSnapshot(this.#hurt, fault, node);
    },
    onTrouble: (_node, { kind }) => this.#options.coverage.count(MET[kind]),
    onFailure: (node, { kind, fault }) => {
      this.#options.coverage.count(
        kind === "full" ? "processes that ended on a full disk" : "processes that ended on a failed flush",
      );
      fault.note(`${node.id} ends because its disk ${kind === "full" ? "is full" : "has failed"}`);
      breakLinks(this.#hurt, fault, node.id);
      restartLater(this.#hurt, fault, node);
    },
  };

  #countRecovery({ did, tornBytes }: Recovered): void {
    const { coverage } = this.#options;
    if (tornBytes > 0) coverage.count("torn tails cut");
    for (const one of did) {
      const counted = DID[one];
      if (counted !== undefined) coverage.count(counted);
    }
  }

  /** After how many of its effects a process dies, and what draws how; undefined to live. */
  #diesAfter(
    node: SimNode,
    effects: number,
  ): { readonly effects: number; readonly fault: Fault } | undefined {
    if (this.#doomed.size === 0 || !this.#faulty) return undefined;
    const doom = this.#doomed.get(node);
    if (doom === undefined || (effects === 0 && doom.left > 0)) return undefined;
    if (doom.boot !== node.boot) {
      this.#doomed.delete(node);
      return undefined;
    }
    if (doom.left-- > 0) return undefined;
    this.#doomed.delete(node);
    const { fault } = doom;
    return { effects: fault.prng.between(0, fault.prng.pick([0, effects])), fault };
  }

  /** Whether the order to take over comes late; then `arrive` is called when it does. */
  delaysHandover(message: Message, arrive: () => void): boolean {
    const fault = this.#faulty ? this.#options.faults.due("handover") : undefined;
    return fault !== undefined && delayHandover(this.#hurt, fault, message, arrive);
  }

  #died(node: SimNode, fault: Fault, when: "between effects" | "during recovery"): void {
    this.#options.coverage.count(`crashes ${when}`);
    fault.note(`${node.id} dies ${when}`);
    restartLater(this.#hurt, fault, node);
  }

  readonly observer: Partial<Observer> = {
    drained: (node, { write }) => {
      const { faults, profile, standing } = this.#options;
      if (!this.#faulty || profile.interrupt === 0 || !standing.leads(node)) return;
      for (const entry of write?.append ?? []) {
        const fault = entry.kind === "configuration" ? faults.due("interrupt") : undefined;
        if (fault === undefined || entry.kind !== "configuration") continue;
        interrupt(this.#hurt, fault, node, entry.configuration);
      }
    },
  };

  #schedule(
    kind: FaultKind,
    everyMs: number,
    what: { readonly moments: Prng; readonly happen: Happen },
  ): void {
    const { queue, faults } = this.#options;
    queue.after(-Math.log(1 - what.moments.real()) * everyMs, () => {
      if (!this.#faulty) return;
      const fault = faults.due(kind);
      if (fault !== undefined) what.happen(this.#hurt, fault);
      this.#schedule(kind, everyMs, what);
    });
  }
}
